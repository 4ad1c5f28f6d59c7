using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Connect;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Contract.Fleet.V1;
using Slipway.Contract.Tokens;
using Slipway.Server.Access;
using Slipway.Tests.Server.Support;
using Xunit;
using ClaimCondition = Slipway.Contract.Admin.V1.ClaimCondition;

namespace Slipway.Tests.Server;

/// <summary>Tokens and relationships that count at some addresses alone: one that was carried off is worth nothing elsewhere.</summary>
public sealed class AddressListTests : IAsyncLifetime
{
    private const string Inside = "203.0.113.9";
    private const string Outside = "198.51.100.7";
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);
    private FakeIssuer _issuer = null!;
    private TestServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _issuer = await FakeIssuer.StartAsync();
        _server = await TestServer.StartAsync(_clock, change: options => options with { InsecureIssuers = [_issuer.Url], TrustedProxies = ["127.0.0.1"] });
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _issuer.DisposeAsync();
    }

    [Theory]
    [InlineData("203.0.113.7", "203.0.113.7/32")]
    [InlineData(" 203.0.113.0/24 , 2001:db8::/32 ", "203.0.113.0/24,2001:db8::/32")]
    [InlineData("2001:DB8:0:0::1", "2001:db8::1/128")]
    [InlineData("10.0.0.0/8,10.0.0.0/8,", "10.0.0.0/8")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0")]
    [InlineData("", "")]
    public void Networks_are_kept_in_their_shortest_form(string typed, string kept)
    {
        Assert.Equal(kept, AddressList.Check(typed.Split(',')));
        Assert.Equal(AddressList.Split(kept), AddressList.Split(AddressList.Check(AddressList.Split(kept))));
    }

    [Theory]
    [InlineData("203.0.113.7/24", "203.0.113.7/24 is an address inside a network; use 203.0.113.0/24 for the network, 203.0.113.7 for the address alone")]
    [InlineData("2001:db8::1/32", "2001:db8::1/32 is an address inside a network; use 2001:db8::/32 for the network, 2001:db8::1 for the address alone")]
    [InlineData("203.0.113.0/33", "\"203.0.113.0/33\" is neither an address nor a network; use for example 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32")]
    [InlineData("10.1", "\"10.1\" is neither")]
    [InlineData("0x7f.1/8", "\"0x7f.1/8\" is neither")]
    [InlineData("010.0.0.1", "\"010.0.0.1\" is neither")]
    [InlineData("203.0.113.0/+8", "\"203.0.113.0/+8\" is neither")]
    [InlineData("203.0.113.0/", "\"203.0.113.0/\" is neither")]
    [InlineData("::ffff:203.0.113.7", "\"::ffff:203.0.113.7\" is neither")]
    [InlineData("fe80::1%1", "\"fe80::1%1\" is neither")]
    [InlineData("office", "\"office\" is neither")]
    public void What_could_mean_something_else_is_refused(string typed, string expected)
    {
        var refused = Assert.Throws<ApiException>(() => AddressList.Check([typed]));
        Assert.Equal(ConnectCode.InvalidArgument, refused.Code);
        Assert.StartsWith(expected, refused.Message);
    }

    [Theory]
    [InlineData("203.0.113.255", true)]
    [InlineData("203.0.114.0", false)]
    [InlineData("2001:db8:ffff::1", true)]
    [InlineData("2001:db9::1", false)]
    [InlineData("", false)]
    [InlineData("::ffff:198.51.100.7", false)]
    public void An_address_is_in_a_network_or_not(string address, bool expected) =>
        Assert.Equal(expected, AddressList.Stored("203.0.113.0/24,2001:db8::/32").Has(address));

    [Fact]
    public async Task A_token_counts_at_its_addresses_and_elsewhere_is_as_unknown_as_any_other()
    {
        var made = await _server.Admin().CreateTokenAsync(new CreateTokenRequest
        {
            ProjectId = _server.First.ProjectId, Name = "ci", ExpiresInSeconds = 3600, AllowedFrom = { "203.0.113.0/24", "2001:db8::/32" },
        });
        Assert.Null(await RefusalAsync(made.Token, Inside));
        Assert.Null(await RefusalAsync(made.Token, "2001:db8:7::1"));

        // It is remembered by now, and still judged.
        var unknown = await RefusalAsync(TokenText.Create(TokenKind.Project), Outside);
        Assert.Equal(unknown, await RefusalAsync(made.Token, Outside));
        Assert.Equal(unknown, await RefusalAsync(made.Token, "2001:db9::1"));
        Assert.Equal(unknown, await RefusalAsync(made.Token, null));
        Assert.Null(await RefusalAsync(made.Token, Inside));

        var told = (await _server.AuditAsync("depot.")).Single(record => record.Address == Outside && record.ActorId.Length > 0);
        Assert.Equal(
            ("denied", "project ci", made.Info.Id, $"the token counts at 203.0.113.0/24,2001:db8::/32, the call came from {Outside}"),
            (told.Outcome, told.Actor, told.ActorId, told.Detail));
        Assert.Equal((_server.First.OrganizationId, _server.First.ProjectId), (told.OrganizationId, told.ProjectId));
        Assert.Contains(await _server.AuditAsync("token.create"), record => record.Detail.EndsWith(", from 203.0.113.0/24,2001:db8::/32", StringComparison.Ordinal));

        // Nothing else is told to whoever is elsewhere, not even that it is over.
        _clock.Advance(TimeSpan.FromHours(2));
        Assert.Equal(unknown, await RefusalAsync(made.Token, Outside));
        Assert.Contains("expired", (await RefusalAsync(made.Token, Inside))!.Value.Detail);
    }

    [Fact]
    public async Task Rotation_keeps_the_addresses_and_a_builds_own_token_has_none()
    {
        var made = await _server.Admin().CreateTokenAsync(new CreateTokenRequest { ProjectId = _server.First.ProjectId, AllowedFrom = { Inside } });
        var rotated = await _server.Admin().RotateTokenAsync(new RotateTokenRequest { TokenId = made.Info.Id, OverlapSeconds = 60 });

        Assert.Equal([$"{Inside}/32"], rotated.Info.AllowedFrom);
        Assert.Equal([$"{Inside}/32"], (await _server.Admin().ListTokensAsync(new())).Tokens.Single(token => token.Id == rotated.Info.Id).AllowedFrom);
        Assert.NotNull(await RefusalAsync(rotated.Token, Outside));
        Assert.Null(await RefusalAsync(rotated.Token, Inside));

        // It goes with the build, which may run anywhere: CI systems start jobs in one place and run them in another.
        var build = await _server.Builds(rotated.Token).CreateBuildAsync(new CreateBuildRequest(), From(Inside));
        await _server.Builds(build.BuildToken).FinishBuildAsync(new FinishBuildRequest { BuildId = build.BuildId, Success = new() }, From(Outside));
    }

    [Fact]
    public async Task A_call_from_an_address_that_nobody_vouches_for_comes_from_where_it_came()
    {
        await using var open = await TestServer.StartAsync();
        var elsewhere = await open.Admin().CreateTokenAsync(new CreateTokenRequest { ProjectId = open.First.ProjectId, AllowedFrom = { Inside } });
        var here = await open.Admin().CreateTokenAsync(new CreateTokenRequest { ProjectId = open.First.ProjectId, AllowedFrom = { "127.0.0.0/8" } });

        await Assert.ThrowsAsync<RpcException>(async () => await open.Builds(elsewhere.Token).CreateBuildAsync(new CreateBuildRequest(), From(Inside)));
        await open.Builds(here.Token).CreateBuildAsync(new CreateBuildRequest(), From(Inside));
    }

    [Fact]
    public async Task A_join_token_makes_builders_at_its_addresses()
    {
        var token = (await _server.Admin().CreateJoinTokenAsync(new CreateJoinTokenRequest { AllowedFrom = { Inside } })).Token;
        var request = new EnrollRequest { Name = "machine", Csr = FakeBuilder.NewCsr() };

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await _server.Fleet(token).EnrollAsync(request, From(Outside)));

        Assert.Equal(StatusCode.Unauthenticated, refused.StatusCode);
        await _server.Fleet(token).EnrollAsync(request, From(Inside));
    }

    [Fact]
    public async Task A_relationships_jobs_may_call_from_its_addresses_alone()
    {
        var asked = new AddTrustRequest { ProjectId = _server.First.ProjectId, Provider = "buildkite", Issuer = _issuer.Url, AllowedFrom = { "203.0.113.0/24" } };
        asked.Conditions.Add(Equal("organization_slug", "acme"));
        asked.Conditions.Add(Equal("pipeline_slug", "app"));
        var trust = await _server.Admin().AddTrustAsync(asked);
        var claims = _issuer.Buildkite(_server.Url.ToString().TrimEnd('/'), _clock.GetUtcNow());
        (claims["organization_id"], claims["pipeline_id"]) = ("org-1", "pipe-1");
        var token = _issuer.Sign(claims);

        Assert.Equal(
            new Status(
                StatusCode.PermissionDenied,
                $"no access to project \"{_server.First.ProjectId}\"; the closest trust relationship, {trust.Id}, expects another address, the call comes from {Outside}"),
            await RefusalAsync(token, Outside));
        Assert.Empty((await _server.Admin().ListTrustAsync(new ListTrustRequest { ProjectId = _server.First.ProjectId })).Trust[0].Pinned);
        Assert.Null(await RefusalAsync(token, Inside));
        Assert.NotNull(await RefusalAsync(token, Outside));

        // A stranger's job learns nothing of it.
        claims["organization_slug"] = "mallory";
        Assert.DoesNotContain(Outside, (await RefusalAsync(_issuer.Sign(claims), Outside))!.Value.Detail);
        Assert.Equal(["203.0.113.0/24"], (await _server.Admin().ListTrustAsync(new ListTrustRequest { ProjectId = _server.First.ProjectId })).Trust[0].AllowedFrom);
    }

    private static ClaimCondition Equal(string claim, string value) => new() { Claim = claim, Operator = "equals", Values = { value } };

    private static Metadata From(string? address) => address is null ? [] : new Metadata { { "x-forwarded-for", address } };

    private async Task<Status?> RefusalAsync(string token, string? address)
    {
        try
        {
            await _server.Builds(token).CreateBuildAsync(new CreateBuildRequest { ProjectId = _server.First.ProjectId }, From(address));
            return null;
        }
        catch (RpcException refused)
        {
            return refused.Status;
        }
    }
}
