using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;

namespace Slipway.AcceptanceTests.Support;

/// <summary>The token endpoint of a registry (distribution's token specification): user and password for a signed token of one minute.</summary>
public sealed class TokenServer : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _certificate;
    private readonly string _user;
    private readonly string _password;
    private readonly Task _serving;

    public TokenServer(string user, string password)
    {
        (_user, _password) = (user, password);
        var request = new CertificateRequest("CN=tests", _key, HashAlgorithmName.SHA256);
        _certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        Realm = $"http://127.0.0.1:{Parts.FreePort()}/token";
        _listener.Prefixes.Add(Realm + "/");
        _listener.Start();
        _serving = ServeAsync();
    }

    public string Realm { get; }

    /// <summary>What the registry trusts.</summary>
    public string CertificatePem => _certificate.ExportCertificatePem();

    /// <summary>The scopes that were granted to somebody who knew the password.</summary>
    public ConcurrentQueue<string> Granted { get; } = new();

    public async ValueTask DisposeAsync()
    {
        _listener.Close();
        await _serving;
        _certificate.Dispose();
        _key.Dispose();
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            try
            {
                var context = await _listener.GetContextAsync();
                await AnswerAsync(context);
                context.Response.Close();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        using var reader = new StreamReader(context.Request.InputStream);
        var form = Fields(await reader.ReadToEndAsync());
        var query = Fields(context.Request.Url!.Query.TrimStart('?'));
        var basic = context.Request.Headers["Authorization"] is { } header ? Encoding.UTF8.GetString(Convert.FromBase64String(header["Basic ".Length..])) : "";
        if (basic != $"{_user}:{_password}" && (form["username"].FirstOrDefault() != _user || form["password"].FirstOrDefault() != _password))
        {
            context.Response.StatusCode = 401;
            return;
        }

        var scopes = form["scope"].SelectMany(scope => scope.Split(' ')).Concat(query["scope"]).ToArray();
        Array.ForEach(scopes, Granted.Enqueue);
        var token = Sign(scopes);
        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(context.Response.OutputStream, new { token, access_token = token, expires_in = 60 });
    }

    private string Sign(string[] scopes)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var head = JsonSerializer.SerializeToUtf8Bytes(new { typ = "JWT", alg = "ES256", x5c = new[] { Convert.ToBase64String(_certificate.RawData) } });
        var access = scopes.Select(scope => scope.Split(':')).Select(parts => new { type = parts[0], name = parts[1], actions = parts[2].Split(',') });
        var claims = JsonSerializer.SerializeToUtf8Bytes(
            new { iss = "tests", sub = _user, aud = "registry", exp = now + 60, nbf = now - 60, iat = now, jti = $"{Guid.NewGuid():N}", access });
        var signed = $"{Text(head)}.{Text(claims)}";
        return $"{signed}.{Text(_key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256))}";
    }

    private static ILookup<string, string> Fields(string encoded) => encoded.Split('&', StringSplitOptions.RemoveEmptyEntries)
        .Select(pair => pair.Split('=', 2)).ToLookup(pair => pair[0], pair => WebUtility.UrlDecode(pair[^1]));

    private static string Text(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);
}
