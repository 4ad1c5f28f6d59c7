using System.Text;
using Microsoft.Extensions.Time.Testing;
using Slipway.BuildKit.Auth;
using Slipway.BuildKit;
using Xunit;

namespace Slipway.Tests.BuildKit.Auth;

public sealed class TokenExchangeTests : IDisposable
{
    private static readonly RegistryCredential s_user = new() { Username = "user", Password = "secret" };

    private readonly HttpClient _http = new();

    public void Dispose() => _http.Dispose();

    [Fact]
    public async Task Without_a_secret_the_token_is_asked_for_anonymously()
    {
        await using var server = await TokenServer.StartAsync(_ => (200, """{"token":"t"}"""));

        var token = await FetchAsync(server.Address + "?account=x", null, "repository:a:pull", "repository:b:pull");

        Assert.Equal(("t", 60L), (token.Value, token.ExpiresInSeconds));
        var request = Assert.Single(server.Requests);
        Assert.Equal("GET /token?account=x&service=s%20v&scope=repository%3Aa%3Apull&scope=repository%3Ab%3Apull", $"{request.Method} {request.Target}");
        Assert.Equal("", request.Authorization);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(401)]
    [InlineData(404)]
    [InlineData(405)]
    public async Task An_endpoint_without_the_POST_form_is_asked_by_GET(int refusal)
    {
        await using var server = await TokenServer.StartAsync(request => request.Method == "POST" ? (refusal, "") : (200, """{"token":"old","access_token":"t"}"""));

        var token = await FetchAsync(server.Address, s_user);

        Assert.Equal("t", token.Value);
        Assert.Equal($"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes("user:secret"))}", server.Requests[1].Authorization);
    }

    [Fact]
    public async Task An_identity_token_is_sent_as_a_refresh_token()
    {
        await using var server = await TokenServer.StartAsync(_ => (200, """{"access_token":"t"}"""));

        await FetchAsync(server.Address, new RegistryCredential { Username = "ignored", IdentityToken = "refresh" });

        Assert.Equal("service=s+v&client_id=buildkit-client&grant_type=refresh_token&refresh_token=refresh", server.Requests[0].Body);
    }

    [Fact]
    public async Task A_ready_made_token_is_not_exchanged() =>
        Assert.Equal("ready", (await FetchAsync("http://127.0.0.1:1/", new RegistryCredential { RegistryToken = "ready" })).Value);

    [Fact]
    public async Task A_refusal_names_the_endpoint_and_not_the_secret()
    {
        await using var server = await TokenServer.StartAsync(_ => (401, "secret"));

        var failure = await Assert.ThrowsAsync<InputException>(() => FetchAsync(server.Address, s_user, "repository:a:push"));

        Assert.Equal($"the registry's token endpoint {server.Address} answered 401 for repository:a:push; check the credentials with docker login", failure.Message);
    }

    [Theory]
    [InlineData("{}", "answered without a token")]
    [InlineData("<html>", "did not answer with JSON")]
    [InlineData("[]", "did not answer with JSON")]
    public async Task An_answer_without_a_token_is_told(string body, string message)
    {
        await using var server = await TokenServer.StartAsync(_ => (200, body));

        Assert.Contains(message, (await Assert.ThrowsAsync<InputException>(() => FetchAsync(server.Address, null))).Message);
    }

    [Theory]
    [InlineData("file:///etc/passwd")]
    [InlineData("token")]
    public async Task Only_http_endpoints_are_asked(string realm) => await Assert.ThrowsAsync<InputException>(() => FetchAsync(realm, s_user));

    [Fact]
    public async Task An_unreachable_endpoint_is_named() =>
        Assert.Contains("http://127.0.0.1:1/token cannot be reached", (await Assert.ThrowsAsync<InputException>(() => FetchAsync("http://127.0.0.1:1/token", null))).Message);

    private Task<RegistryToken> FetchAsync(string realm, RegistryCredential? credential, params string[] scopes) =>
        new TokenExchange(_http, new FakeTimeProvider()).FetchAsync(
            new RegistryTokenRequest { Realm = realm, Service = "s v", Scopes = scopes }, credential, TestContext.Current.CancellationToken);
}
