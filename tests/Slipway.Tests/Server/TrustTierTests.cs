using System.Security.Cryptography.X509Certificates;
using System.Text;
using Grpc.Core;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Contract.Depot.Cli.V1Beta1;
using Slipway.Tests.Server.Support;
using Xunit;
using ClaimCondition = Slipway.Contract.Admin.V1.ClaimCondition;
using PublicBuilds = Slipway.Contract.Depot.Cli.V1.ListBuildsRequest;

namespace Slipway.Tests.Server;

/// <summary>Builds of code that anybody may have written: they get an engine and a cache of their own kind, and read nothing of the others.</summary>
public sealed class TrustTierTests : IAsyncLifetime
{
    private FakeIssuer _issuer = null!;
    private TestServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _issuer = await FakeIssuer.StartAsync();
        _server = await TestServer.StartAsync(change: options => options with { InsecureIssuers = [_issuer.Url] });
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _issuer.DisposeAsync();
    }

    [Theory]
    [InlineData("github", "", "event_name=push ref_protected=true", "trusted")]
    [InlineData("github", "", "event_name=schedule ref_protected=true", "trusted")]
    [InlineData("github", "", "event_name=workflow_dispatch ref_protected=true", "trusted")]
    [InlineData("github", "", "event_name=release ref_protected=true", "trusted")]
    [InlineData("github", "", "event_name=push ref_protected=false", "untrusted")]
    [InlineData("github", "", "event_name=pull_request ref_protected=true", "untrusted")]
    [InlineData("github", "", "event_name=pull_request_target ref_protected=true", "untrusted")]
    [InlineData("github", "", "event_name=workflow_run ref_protected=true", "untrusted")]
    [InlineData("github", "", "event_name=issue_comment ref_protected=true", "untrusted")]
    [InlineData("github", "", "ref_protected=true", "untrusted")]
    [InlineData("github", "trusted", "event_name=pull_request", "trusted")]
    [InlineData("github", "untrusted", "event_name=push ref_protected=true", "untrusted")]
    [InlineData("gitlab", "", "ref_protected=true", "trusted")]
    [InlineData("gitlab", "", "ref_protected=false", "untrusted")]
    [InlineData("gitlab", "", "", "untrusted")]
    [InlineData("buildkite", "", "", "trusted")]
    [InlineData("buildkite", "untrusted", "", "untrusted")]
    public async Task A_relationship_and_the_token_say_how_far_a_build_is_trusted(string provider, string asked, string said, string tier)
    {
        var trust = await TrustAsync(provider, asked);
        var build = await _server.Builds(Token(said)).CreateBuildAsync(new CreateBuildRequest { ProjectId = _server.First.ProjectId });

        var shown = await _server.Admin().ShowBuildAsync(new ShowBuildRequest { BuildId = build.BuildId });

        Assert.EndsWith($"through trust relationship {trust.Id}{(tier == "untrusted" ? ", untrusted" : "")}", shown.Build.StartedBy);
    }

    [Fact]
    public async Task An_untrusted_build_meets_neither_the_projects_engine_nor_its_cache_nor_its_logs()
    {
        await using var builder = await FakeBuilder.AttachedAsync(_server);
        await TrustAsync("gitlab", "");
        var (trusted, untrusted) = (Token("ref_protected=true"), Token("ref_protected=false"));

        var ours = await ConnectAsync(trusted);
        var theirs = await ConnectAsync(untrusted);
        var again = await ConnectAsync(untrusted);

        Assert.Equal(theirs.ServerName, again.ServerName);
        Assert.NotEqual(ours.ServerName, theirs.ServerName);
        var apart = _server.First.ProjectId + "-untrusted";
        Assert.Equal([_server.First.ProjectId, apart], builder.Engines.Values.Select(engine => engine.ProjectId).Order(StringComparer.Ordinal));
        Assert.Contains($"/project/{_server.First.ProjectId}/build/", NamesOf(ours), StringComparison.Ordinal);
        Assert.Contains($"/project/{apart}/build/", NamesOf(theirs), StringComparison.Ordinal);

        await _server.Builds(trusted).ListBuildsAsync(new PublicBuilds { ProjectId = _server.First.ProjectId });
        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await _server.Builds(untrusted).ListBuildsAsync(new PublicBuilds { ProjectId = _server.First.ProjectId }));
        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
        Assert.DoesNotContain((await _server.Admin().ListProjectsAsync(new())).Projects, project => project.Id == apart);

        // Whoever resets the project's cache means both.
        await new ProjectsService.ProjectsServiceClient(_server.Invoker(_server.Owner)).ResetProjectCacheAsync(new() { ProjectId = _server.First.ProjectId });
        Assert.Equal(
            [_server.First.ProjectId, apart],
            builder.All.Where(message => message.ResetCache is not null).Select(message => message.ResetCache.ProjectId).Order(StringComparer.Ordinal));
        Assert.Single(await _server.AuditAsync("cache.reset"));
    }

    [Fact]
    public async Task Of_two_relationships_one_that_trusts_the_build_counts()
    {
        var forks = await TrustAsync("buildkite", "untrusted");
        var main = await TrustAsync("buildkite", "trusted", new ClaimCondition { Claim = "build_branch", Operator = "equals", Values = { "main" } });
        var build = await _server.Builds(Token("")).CreateBuildAsync(new CreateBuildRequest { ProjectId = _server.First.ProjectId });
        var fork = await _server.Builds(Token("build_branch=fork:main")).CreateBuildAsync(new CreateBuildRequest { ProjectId = _server.First.ProjectId });

        Assert.EndsWith(
            $"trust relationship {main.Id}, the oldest trusted one of {forks.Id}, {main.Id}",
            (await _server.Admin().ShowBuildAsync(new ShowBuildRequest { BuildId = build.BuildId })).Build.StartedBy);
        Assert.EndsWith(
            $"trust relationship {forks.Id}, untrusted", (await _server.Admin().ShowBuildAsync(new ShowBuildRequest { BuildId = fork.BuildId })).Build.StartedBy);
    }

    [Fact]
    public async Task A_deleted_projects_caches_are_thrown_away()
    {
        await using var builder = await FakeBuilder.AttachedAsync(_server);
        await TrustAsync("gitlab", "");
        await ConnectAsync(Token("ref_protected=true"));

        await _server.Admin().DeleteProjectAsync(new DeleteProjectRequest { ProjectId = _server.First.ProjectId });

        var reset = await builder.HearAsync(message => message.ResetCache is not null);
        Assert.Equal(_server.First.ProjectId, reset.ResetCache.ProjectId);
    }

    [Theory]
    [InlineData("buildkite", "claims", "tokens of buildkite do not say whether a build is a fork's; use --tier trusted or --tier untrusted")]
    [InlineData("github", "half", "the tier is \"half\"; use trusted, untrusted or claims")]
    public async Task A_tier_that_cannot_be_is_refused(string provider, string tier, string expected)
    {
        var refused = await Assert.ThrowsAsync<RpcException>(() => TrustAsync(provider, tier));
        Assert.Equal((StatusCode.InvalidArgument, expected), (refused.StatusCode, refused.Status.Detail));
    }

    private async Task<Trust> TrustAsync(string provider, string tier, params IEnumerable<ClaimCondition> also)
    {
        var request = new AddTrustRequest { ProjectId = _server.First.ProjectId, Provider = provider, Issuer = _issuer.Url, Tier = tier };
        request.Conditions.AddRange(provider switch
        {
            "github" => [Equal("repository", "acme/app"), Equal("repository_owner", "acme")],
            "gitlab" => [Equal("project_path", "acme/app"), Equal("namespace_path", "acme")],
            _ => [Equal("organization_slug", "acme"), Equal("pipeline_slug", "app")],
        });
        request.Conditions.AddRange(also);
        return await _server.Admin().AddTrustAsync(request);
    }

    private static ClaimCondition Equal(string claim, string value) => new() { Claim = claim, Operator = "equals", Values = { value } };

    private string Token(string said)
    {
        var claims = _issuer.Buildkite(_server.Url.ToString().TrimEnd('/'), DateTimeOffset.UtcNow);
        (claims["repository"], claims["repository_owner"], claims["project_path"], claims["namespace_path"]) = ("acme/app", "acme", "acme/app", "acme");
        foreach (var claim in said.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(claim => claim.Split('=')))
        {
            claims[claim[0]] = claim[1];
        }

        return _issuer.Sign(claims);
    }

    private async Task<GetBuildKitConnectionResponse.Types.ActiveConnection> ConnectAsync(string token)
    {
        var build = await _server.Builds(token).CreateBuildAsync(new CreateBuildRequest { ProjectId = _server.First.ProjectId });
        while (true)
        {
            var answer = await _server.Builds(build.BuildToken).GetBuildKitConnectionAsync(
                new GetBuildKitConnectionRequest { BuildId = build.BuildId, Platform = BuilderPlatform.Amd64 });
            if (answer.Active is { } active)
            {
                return active;
            }
        }
    }

    private static string NamesOf(GetBuildKitConnectionResponse.Types.ActiveConnection active)
    {
        using var leaf = X509Certificate2.CreateFromPem(active.Cert.Cert_);
        return Encoding.ASCII.GetString(leaf.Extensions.Single(extension => extension.Oid!.Value == "2.5.29.17").RawData);
    }
}
