using System.Net;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Slipway.Contract.Tokens;
using Slipway.Server.Audit;
using Slipway.Server.People;
using Slipway.Server.Sessions;

namespace Slipway.Tests.Server.Support;

/// <summary>What a browser does as far as a server can tell: it keeps cookies, follows nothing by itself, and says where a form is from.</summary>
internal sealed class Browser : IDisposable
{
    private readonly HttpClient _http;

    public Browser(Uri server)
    {
        Cookies = new CookieContainer();
        _http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = Cookies }) { BaseAddress = server };
    }

    public CookieContainer Cookies { get; }

    public string? Session => Cookies.GetAllCookies()["slipway"]?.Value;

    public Task<HttpResponseMessage> GetAsync(string path) => _http.GetAsync(path);

    /// <summary>Does not wait for the whole page.</summary>
    public Task<HttpResponseMessage> OpenAsync(string path) => _http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead);

    public async Task<string> ReadAsync(string path)
    {
        using var response = await GetAsync(path);
        return await response.Content.ReadAsStringAsync();
    }

    /// <summary>Opens the page and sends its form back with these fields.</summary>
    public async Task<HttpResponseMessage> SubmitAsync(string path, params (string Name, string Value)[] fields)
    {
        var page = await ReadAsync(path);
        var key = Regex.Match(page, "name=\"key\" value=\"([^\"]+)\"").Groups[1].Value;
        return await PostAsync(path, _http.BaseAddress!.GetLeftPart(UriPartial.Authority), key.Length > 0 ? [.. fields, ("key", key)] : fields);
    }

    public Task<HttpResponseMessage> PostAsync(string path, string? origin, params (string Name, string Value)[] fields)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new FormUrlEncodedContent(fields.ToDictionary(field => field.Name, field => field.Value)),
        };
        if (origin is not null)
        {
            request.Headers.Add("Origin", origin);
        }

        return _http.SendAsync(request);
    }

    /// <summary>A session for somebody, without the half second that a password takes.</summary>
    public async Task EnterAsync(TestServer server, string email)
    {
        var secret = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        var now = server.Options.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        var session = new Session
        {
            Hash = TokenText.Hash(secret),
            UserId = server.Service<UserStore>().FindByEmail(email)!.Id,
            CreatedAt = now,
            LastSeenAt = now,
            ExpiresAt = now + 3_600_000,
        };
        await server.Service<SessionStore>().AddAsync(session, new AuditEntry { At = now, Actor = "test", Action = "session.open" }, default);
        Cookies.Add(server.Url, new Cookie("slipway", secret));
    }

    public Task<HttpResponseMessage> SignInAsync(string email, string password) =>
        SubmitAsync("/sign-in", ("email", email), ("password", password));

    public void Dispose() => _http.Dispose();
}
