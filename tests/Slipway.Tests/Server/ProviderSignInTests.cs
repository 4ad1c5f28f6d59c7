using System.Net;
using System.Text.Json.Nodes;
using Slipway.Contract.Admin.V1;
using Slipway.Tests.Server.Support;
using Xunit;

namespace Slipway.Tests.Server;

/// <summary>Signing in through an OpenID Connect provider that the operator configured.</summary>
public sealed class ProviderSignInTests : IAsyncLifetime
{
    private FakeIssuer _provider = null!;
    private TestServer _server = null!;
    private Browser _browser = null!;

    public async ValueTask InitializeAsync()
    {
        _provider = await FakeIssuer.StartAsync();
        _server = await TestServer.StartAsync(change: options =>
        {
            var secret = Path.Combine(options.DataDirectory, "client-secret");
            File.WriteAllText(secret, "client secret\n");
            return options with { SignInIssuer = _provider.Url, SignInClientId = "slipway", SignInClientSecretFile = secret, SignInName = "Acme" };
        });
        _browser = new Browser(_server.Url);
        _provider.Person = new JsonObject { ["sub"] = "person-1", ["email"] = "Ann@example.com", ["email_verified"] = true };
    }

    public async ValueTask DisposeAsync()
    {
        _browser.Dispose();
        await _server.DisposeAsync();
        await _provider.DisposeAsync();
    }

    [Fact]
    public async Task An_invited_person_gets_in_with_the_roles_of_the_invitation()
    {
        await _server.Admin().InviteUserAsync(new InviteUserRequest { Email = "ann@example.com", Role = "owner" });
        Assert.Contains("Sign in with Acme", await _browser.ReadAsync("/sign-in"));

        using var landed = await SignInAsync();

        Assert.Equal("/projects/x", landed.Headers.Location?.ToString());
        Assert.Contains("default (owner)", await _browser.ReadAsync("/"));
        Assert.Equal("active", (await _server.Admin().ListUsersAsync(new ListUsersRequest())).Users[0].State);

        // The subject is known from now on, whatever becomes of the address.
        _provider.Person["email"] = "ann.other@example.com";
        using var second = new Browser(_server.Url);
        using var again = await SignInAsync(second);
        Assert.Contains("ann@example.com", await second.ReadAsync("/"));
    }

    [Fact]
    public async Task Nobody_else_gets_in()
    {
        using var uninvited = await SignInAsync();
        Assert.Contains("was not invited to this server", await uninvited.Content.ReadAsStringAsync());

        await _server.Admin().InviteUserAsync(new InviteUserRequest { Email = "ann@example.com" });
        _provider.Person["email_verified"] = false;
        using var unverified = await SignInAsync();
        Assert.Contains("does not vouch for your email address", await unverified.Content.ReadAsStringAsync());

        _provider.Person["email_verified"] = true;
        foreach (var spoil in new Action<JsonObject>[]
        {
            claims => claims["nonce"] = "another",
            claims => claims["aud"] = "another",
            claims => claims["iss"] = "https://another.example.com",
            claims => claims["exp"] = 1,
        })
        {
            _provider.Spoil = spoil;
            using var forged = await SignInAsync();
            Assert.Contains("The provider did not sign you in", await forged.Content.ReadAsStringAsync());
        }

        _provider.Spoil = null;
        using var foreignState = await SignInAsync(change: url => url.Replace("state=", "state=x", StringComparison.Ordinal));
        Assert.Contains("The provider did not sign you in", await foreignState.Content.ReadAsStringAsync());

        // Another browser's answer, which an attacker would like the victim to finish.
        using var victim = new Browser(_server.Url);
        using var begun = await _browser.GetAsync("/sign-in/provider?to=/");
        using var stolen = await victim.GetAsync(await AuthorizeAsync(begun));
        Assert.Contains("The provider did not sign you in", await stolen.Content.ReadAsStringAsync());
        Assert.Null(victim.Session);
        Assert.Null(_browser.Session);
        Assert.Equal(8, (await _server.AuditAsync("session.open")).Count(record => record.Outcome == "denied"));
    }

    [Fact]
    public async Task The_providers_word_ends_a_password_that_was_set_before()
    {
        const string password = "correct horse battery staple";
        var (email, token) = await _server.CreateUserAsync(_server.First.OrganizationId, "owner", password);
        _provider.Person["email"] = email;
        using var squatter = new Browser(_server.Url);
        await squatter.SignInAsync(email, password);
        Assert.Contains(email, await squatter.ReadAsync("/"));

        (await SignInAsync()).Dispose();

        Assert.Contains(email, await _browser.ReadAsync("/"));
        Assert.DoesNotContain(email, await squatter.ReadAsync("/"));
        using var again = await squatter.SignInAsync(email, password);
        Assert.Equal(HttpStatusCode.Forbidden, again.StatusCode);
        await Assert.ThrowsAsync<Grpc.Core.RpcException>(async () => await _server.Admin(token).ListTokensAsync(new ListTokensRequest()));
    }

    private async Task<HttpResponseMessage> SignInAsync(Browser? browser = null, Func<string, string>? change = null)
    {
        browser ??= _browser;
        using var begun = await browser.GetAsync("/sign-in/provider?to=/projects/x");
        var answer = await AuthorizeAsync(begun);
        return await browser.GetAsync(change?.Invoke(answer) ?? answer);
    }

    private static async Task<string> AuthorizeAsync(HttpResponseMessage begun)
    {
        Assert.Equal(HttpStatusCode.Found, begun.StatusCode);
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        using var authorized = await http.GetAsync(begun.Headers.Location);
        return authorized.Headers.Location!.PathAndQuery;
    }
}
