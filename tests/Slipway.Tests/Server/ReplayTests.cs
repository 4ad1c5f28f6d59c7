using System.Text.RegularExpressions;
using Grpc.Core;
using Slipway.Contract.Depot.Cli.V1Beta1;
using Slipway.Contract.Fleet.V1;
using Slipway.Tests.Server.Support;
using Xunit;

namespace Slipway.Tests.Server;

/// <summary>What is good for one use and comes again: refused, in the audit log, and counted for whoever is to be woken.</summary>
public sealed class ReplayTests
{
    [Fact]
    public async Task A_login_that_was_fetched_is_worth_nothing_and_is_told()
    {
        await using var server = await TestServer.StartAsync();
        var (email, _) = await server.CreateUserAsync(server.First.OrganizationId, "member", "correct horse battery");
        var login = new LoginService.LoginServiceClient(server.Invoker(null));
        var started = await login.StartLoginAsync(new());
        using var browser = new Browser(server.Url);
        await browser.SignInAsync(email, "correct horse battery");
        await browser.SubmitAsync(new Uri(started.ApproveUrl).AbsolutePath, ("decision", "approve"));
        Assert.StartsWith("slpu_", await FinishAsync(login, started.Id));

        var again = await Assert.ThrowsAsync<RpcException>(() => FinishAsync(login, started.Id));
        var made_up = await Assert.ThrowsAsync<RpcException>(() => FinishAsync(login, "slpd_" + new string('a', 36)));

        Assert.Equal(made_up.Status, again.Status);
        Assert.Equal("the login's token was fetched before", Assert.Single(await server.AuditAsync("login.finish")).Detail);
        await AssertCountedAsync(server, "device code");
    }

    [Fact]
    public async Task A_join_token_makes_one_builder()
    {
        await using var server = await TestServer.StartAsync();
        var token = (await server.Admin().CreateJoinTokenAsync(new())).Token;
        await server.Fleet(token).EnrollAsync(new EnrollRequest { Name = "first", Csr = FakeBuilder.NewCsr() });

        var again = await Assert.ThrowsAsync<RpcException>(async () =>
            await server.Fleet(token).EnrollAsync(new EnrollRequest { Name = "second", Csr = FakeBuilder.NewCsr() }));

        Assert.Equal(StatusCode.Unauthenticated, again.StatusCode);
        Assert.Contains(await server.AuditAsync("slipway.fleet.v1.FleetService/Enroll"), record => record.Outcome == "denied");
        await AssertCountedAsync(server, "join token");
    }

    [Fact]
    public async Task An_invitation_makes_one_member()
    {
        await using var server = await TestServer.StartAsync();
        var invited = await server.Admin().InviteUserAsync(new() { Email = "ann@example.com", OrganizationId = server.First.OrganizationId });
        using var ann = new Browser(server.Url);
        await ann.SubmitAsync(invited.Link, ("password", "correct horse battery"));

        using var mallory = new Browser(server.Url);
        using var page = await mallory.SubmitAsync(invited.Link, ("password", "another horse battery"));

        Assert.Equal(System.Net.HttpStatusCode.NotFound, page.StatusCode);
        Assert.Equal("the invitation was used before", Assert.Single(await server.AuditAsync("invitation.accept")).Detail);
        await AssertCountedAsync(server, "invitation");
    }

    private static async Task<string> FinishAsync(LoginService.LoginServiceClient login, string id)
    {
        using var call = login.FinishLogin(new() { Id = id });
        Assert.True(await call.ResponseStream.MoveNext(default));
        return call.ResponseStream.Current.Token;
    }

    private static async Task AssertCountedAsync(TestServer server, string kind)
    {
        using var http = server.Http(System.Net.HttpVersion.Version11);
        var metrics = await http.GetStringAsync("/metrics");
        Assert.Contains($"slipway_replays_total{{kind=\"{kind}\"}} 1\n", metrics, StringComparison.Ordinal);
        Assert.Matches(new Regex("^slipway_denials_total [1-9]", RegexOptions.Multiline), metrics);
    }
}
