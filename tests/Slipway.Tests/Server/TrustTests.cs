using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using Microsoft.IdentityModel.Tokens;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Depot.Cli.V1;
using ClaimCondition = Slipway.Contract.Admin.V1.ClaimCondition;
using IssuerAccess = Slipway.Server.Trust.IssuerAccess;
using TrustStore = Slipway.Server.Trust.TrustStore;
using Slipway.Tests.Server.Support;
using Xunit;

namespace Slipway.Tests.Server;

/// <summary>CI providers' tokens: which ones open a build, and which do not.</summary>
public sealed class TrustTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);
    private FakeIssuer _issuer = null!;
    private TestServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _issuer = await FakeIssuer.StartAsync();
        _server = await TestServer.StartAsync(_clock, change: options => options with { InsecureIssuers = [_issuer.Url] });
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _issuer.DisposeAsync();
    }

    private string Self => _server.Url.ToString().TrimEnd('/');

    [Fact]
    public async Task A_job_of_a_trusted_pipeline_builds_its_project_and_nothing_else()
    {
        var trust = await TrustAsync();
        var token = _issuer.Sign(Claims());

        var made = await _server.Builds(token).CreateBuildAsync(new CreateBuildRequest { ProjectId = _server.First.ProjectId });
        var alone = await _server.Builds(token).CreateBuildAsync(new CreateBuildRequest());

        Assert.Equal(_server.First.ProjectId, alone.ProjectId);
        var shown = await _server.Admin().ShowBuildAsync(new ShowBuildRequest { BuildId = made.BuildId });
        Assert.Equal($"buildkite acme/app through trust relationship {trust.Id}", shown.Build.StartedBy);
        var record = (await _server.AuditAsync("build.create"))[^1];
        Assert.Equal(("buildkite acme/app", $"build {made.BuildId}", $"trust relationship {trust.Id}"), (record.Actor, record.Target, record.Detail));
        Assert.NotNull((await _server.Admin().ListTrustAsync(new ListTrustRequest { ProjectId = _server.First.ProjectId })).Trust[0].LastUsedAt);
        await _server.Builds(made.BuildToken).FinishBuildAsync(new FinishBuildRequest { BuildId = made.BuildId, Success = new() });
        var origin = _server.Service<Slipway.Server.Builds.BuildStore>().Find(made.BuildId)!.Origin;
        Assert.Contains("\"branch\":\"main\"", origin);
        Assert.Contains("https://buildkite.com/acme/app/builds/7", origin);
    }

    [Fact]
    public async Task Every_forged_or_misused_token_is_refused_recorded_and_fetches_nothing_it_should_not()
    {
        await TrustAsync();
        using var stranger = RSA.Create(2048);
        await using var other = await FakeIssuer.StartAsync();

        // The issuer's keys are known by now: whatever a bad token names, nobody is asked for it again within half a minute.
        await _server.Builds(_issuer.Sign(Claims())).CreateBuildAsync(new CreateBuildRequest { ProjectId = _server.First.ProjectId });
        var asked = _issuer.Requests.Count;
        var wrong = new List<string>();
        var cases = 0;
        foreach (var (name, token) in ForgedTokens.All(_issuer, other, stranger, Claims))
        {
            if (++cases % 50 == 0)
            {
                // The limit on wrong tokens is not what refuses them.
                _clock.Advance(TimeSpan.FromMinutes(1));
            }

            var before = (await _server.AuditAsync()).Count;
            var refused = await RefusalAsync(token);
            var after = await _server.AuditAsync();
            if (refused.StatusCode is not (StatusCode.Unauthenticated or StatusCode.PermissionDenied) || after.Count != before + 1
                || after[0].Outcome != "denied" || after[0].Detail.Contains(token, StringComparison.Ordinal))
            {
                wrong.Add($"{name}: {refused}, {after.Count - before} records");
            }
        }

        Assert.True(wrong.Count == 0, string.Join(Environment.NewLine, wrong));
        Assert.True(cases >= 40, $"{cases} cases");
        Assert.Equal(asked, _issuer.Requests.Count);
        Assert.Empty(other.Requests);
        Assert.Null(await FolderProblemAsync());
    }

    [Theory]
    [InlineData("pipeline_slug", "web", "pipeline_slug \"app\", the token says \"web\"")]
    [InlineData("pipeline_slug", null, "pipeline_slug \"app\", the token does not say")]
    public async Task A_job_of_the_same_organization_learns_what_differs(string claim, string? value, string expected)
    {
        var trust = await TrustAsync();
        var claims = Claims();
        claims[claim] = value;

        var refused = await RefusalAsync(_issuer.Sign(claims));

        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
        Assert.Equal(
            $"no access to project \"{_server.First.ProjectId}\"; the closest trust relationship, {trust.Id}, expects {expected}", refused.Detail);
    }

    [Theory]
    [InlineData("pipeline_slug", "web", "expects pipeline_slug")]
    [InlineData("aud", "https://other.example.com", "is for the audience")]
    public async Task The_owners_of_the_relationship_that_came_closest_read_of_a_refusal(string claim, string value, string expected)
    {
        await TrustAsync();
        var claims = Claims();
        claims[claim] = value;
        await RefusalAsync(_issuer.Sign(claims));
        var record = (await _server.AuditAsync())[0];
        Assert.Contains(expected, record.Detail);
        Assert.Equal((_server.First.ProjectId, _server.First.OrganizationId, "denied"), (record.ProjectId, record.OrganizationId, record.Outcome));
        Assert.StartsWith("buildkite acme/", record.Actor);

        claims["organization_slug"] = "mallory";
        await RefusalAsync(_issuer.Sign(claims));
        Assert.Equal(("", ""), ((await _server.AuditAsync())[0].ProjectId, (await _server.AuditAsync())[0].OrganizationId));
    }

    [Theory]
    [InlineData("true")]
    [InlineData(true)]
    public async Task A_job_that_was_rerun_with_SSH_builds_nothing(object rerun)
    {
        await using var circle = await FakeIssuer.StartAsync();
        await using var server = await TestServer.StartAsync(_clock, change: options => options with { InsecureIssuers = [circle.Url] });
        await server.Admin().AddTrustAsync(new AddTrustRequest
        {
            ProjectId = server.First.ProjectId, Provider = "circleci", Issuer = circle.Url, Conditions = { Equal("oidc.circleci.com/project-id", "app") },
        });
        var claims = circle.Buildkite(server.Url.ToString().TrimEnd('/'), _clock.GetUtcNow());
        claims["oidc.circleci.com/project-id"] = "app";
        await server.Builds(circle.Sign(claims)).CreateBuildAsync(new CreateBuildRequest());

        claims["oidc.circleci.com/ssh-rerun"] = JsonValue.Create(rerun);
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await server.Builds(circle.Sign(claims)).CreateBuildAsync(new CreateBuildRequest()));

        Assert.Equal("the job was rerun with SSH, and a person may have been on it; run it again without", refused.Status.Detail);
    }

    [Fact]
    public async Task A_GitHub_repository_is_its_ids_whatever_it_is_called_and_whatever_its_subject_looks_like()
    {
        await using var server = await TestServer.StartAsync(_clock, change: options => options with { InsecureIssuers = [_issuer.Url] });
        await server.Admin().AddTrustAsync(new AddTrustRequest
        {
            ProjectId = server.First.ProjectId, Provider = "github", Issuer = _issuer.Url, Conditions = { Equal("repository_owner_id", "123"), Equal("repository_id", "456") },
        });

        async Task<StatusCode> TryAsync(string owner, string name, string ownerId, string id, string subject)
        {
            var claims = _issuer.Buildkite(server.Url.ToString().TrimEnd('/'), _clock.GetUtcNow());
            (claims["repository_owner"], claims["repository"], claims["sub"]) = (owner, $"{owner}/{name}", subject);
            (claims["repository_owner_id"], claims["repository_id"]) = (ownerId, id);
            try
            {
                await server.Builds(_issuer.Sign(claims)).CreateBuildAsync(new CreateBuildRequest { ProjectId = server.First.ProjectId });
                return StatusCode.OK;
            }
            catch (RpcException refused)
            {
                return refused.StatusCode;
            }
        }

        Assert.Equal(StatusCode.OK, await TryAsync("acme", "app", "123", "456", "repo:acme/app:ref:refs/heads/main"));
        Assert.Equal(StatusCode.OK, await TryAsync("acme", "app", "123", "456", "repo:acme@123/app@456:ref:refs/heads/main"));
        Assert.Equal(StatusCode.OK, await TryAsync("renamed", "other", "123", "456", "repo:renamed/other:ref:refs/heads/main"));
        Assert.Equal(StatusCode.PermissionDenied, await TryAsync("acme", "app", "123", "999", "repo:acme/app:ref:refs/heads/main"));
        Assert.Equal(StatusCode.PermissionDenied, await TryAsync("acme", "app", "999", "456", "repo:acme@123/app@456:ref:refs/heads/main"));
        Assert.Equal(StatusCode.PermissionDenied, await TryAsync("acme-123", "app-456", "7", "8", "repo:acme-123/app-456:ref:refs/heads/main"));
    }

    [Fact]
    public async Task What_is_refused_to_an_organizations_job_or_token_is_in_that_organizations_log()
    {
        await TrustAsync();
        var (_, owner) = await _server.CreateUserAsync(_server.First.OrganizationId, "owner");
        var project = await _server.Admin().CreateTokenAsync(new CreateTokenRequest { ProjectId = _server.First.ProjectId, Name = "ci" });
        var (job, stranger) = (Claims(), Claims());
        job["pipeline_slug"] = "web";
        stranger["organization_slug"] = "mallory";
        foreach (var token in new[] { _issuer.Sign(job), _issuer.Sign(stranger), project.Token })
        {
            await RefusalAsync(token, "pnobody");
        }

        await _server.AuditAsync();
        var seen = (await _server.Admin(owner).ListAuditAsync(new ListAuditRequest { Outcome = "denied" })).Records;

        Assert.Equal(["buildkite acme/web", "project ci"], seen.Select(record => record.Actor).Order(StringComparer.Ordinal));
        Assert.Equal(3, (await _server.AuditAsync("depot.")).Count);
    }

    [Fact]
    public async Task A_stranger_learns_nothing()
    {
        await TrustAsync();
        var claims = Claims();
        claims["organization_slug"] = "mallory";
        var strangersJob = await RefusalAsync(_issuer.Sign(claims));
        Assert.Equal(
            $"no access to project \"{_server.First.ProjectId}\"; no trust relationship of it matches this job; its owner can add one: slipway admin trust add",
            strangersJob.Detail);

        var forged = await RefusalAsync(_issuer.Sign(Claims())[..^8] + "AAAAAAAA");
        claims["iss"] = "https://example.com";
        var unknown = await RefusalAsync(_issuer.Sign(claims));
        Assert.Equal(forged, unknown);
        Assert.DoesNotContain("acme", forged.Detail + strangersJob.Detail);
    }

    [Fact]
    public async Task A_clock_that_is_off_is_told_by_how_much()
    {
        await TrustAsync();
        var claims = Claims();
        _clock.Advance(TimeSpan.FromMinutes(7));
        Assert.Matches("^the CI provider's token expired 12[01] seconds ago; ask for a new one, and check both clocks$", (await RefusalAsync(_issuer.Sign(claims))).Detail);

        var future = _issuer.Buildkite(Self, _clock.GetUtcNow().AddMinutes(3));
        Assert.Matches("^the CI provider's token is from the future by 1[78][0-9] seconds; check both clocks$", (await RefusalAsync(_issuer.Sign(future))).Detail);
    }

    [Fact]
    public async Task Depots_audience_counts_only_where_the_relationship_says_so()
    {
        await TrustAsync();
        var token = _issuer.Sign(_issuer.Buildkite("https://depot.dev", _clock.GetUtcNow()));
        Assert.Equal(
            $"the CI provider's token is for the audience https://depot.dev, this server is {Self}; "
            + "ask for a token for this server's URL, or allow Depot's audience on the relationship: --allow-depot-audience",
            (await RefusalAsync(token)).Detail);

        await TrustAsync(request =>
        {
            request.AllowDepotAudience = true;
            request.Conditions.Add(Equal("step_key", "build"));
        });
        await _server.Builds(token).CreateBuildAsync(new CreateBuildRequest { ProjectId = _server.First.ProjectId });
    }

    [Fact]
    public async Task A_token_stays_with_the_project_that_it_was_used_for_and_single_use_is_single()
    {
        var second = await _server.Admin().CreateProjectAsync(new CreateProjectRequest { OrganizationId = _server.First.OrganizationId, Name = "second" });
        await TrustAsync();
        await TrustAsync(request => request.ProjectId = second.Id);
        var token = _issuer.Sign(Claims());
        await _server.Builds(token).CreateBuildAsync(new CreateBuildRequest { ProjectId = _server.First.ProjectId });
        Assert.Equal(
            "this CI token was used for another project before; ask the CI provider for a new token", (await RefusalAsync(token, second.Id)).Detail);
        Assert.Equal(StatusCode.NotFound, (await RefusalAsync(token, "")).StatusCode);

        var third = await _server.Admin().CreateProjectAsync(new CreateProjectRequest { OrganizationId = _server.First.OrganizationId, Name = "third" });
        await TrustAsync(request => (request.ProjectId, request.SingleUse) = (third.Id, true));
        var once = Claims();
        once["jti"] = "one";
        await _server.Builds(_issuer.Sign(once)).CreateBuildAsync(new CreateBuildRequest { ProjectId = third.Id });
        Assert.Equal(StatusCode.Unauthenticated, (await RefusalAsync(_issuer.Sign(once), third.Id)).StatusCode);
    }

    [Fact]
    public async Task A_token_that_was_used_stays_used_over_a_restart()
    {
        var second = await _server.Admin().CreateProjectAsync(new CreateProjectRequest { OrganizationId = _server.First.OrganizationId, Name = "second" });
        await TrustAsync(request => request.SingleUse = true);
        await TrustAsync(request => request.ProjectId = second.Id);
        var token = _issuer.Sign(Claims());
        await CreateAsync(token);

        await _server.RestartAsync();

        Assert.Equal("this CI token was used before, and the trust relationship takes each once; ask the CI provider for a new token", (await RefusalAsync(token)).Detail);
        Assert.Equal("this CI token was used for another project before; ask the CI provider for a new token", (await RefusalAsync(token, second.Id)).Detail);

        // It is remembered until nobody could use it any more, and no longer.
        await _server.Service<TrustStore>().PurgeAsync(_clock.GetUtcNow().ToUnixTimeMilliseconds(), default);
        Assert.Equal(StatusCode.Unauthenticated, (await RefusalAsync(token)).StatusCode);
        _clock.Advance(TimeSpan.FromMinutes(6) - TimeSpan.FromSeconds(2));
        await _server.Service<TrustStore>().PurgeAsync(_clock.GetUtcNow().ToUnixTimeMilliseconds(), default);
        Assert.Equal(StatusCode.Unauthenticated, (await RefusalAsync(token)).StatusCode);
    }

    [Fact]
    public async Task The_hundred_and_first_build_on_one_token_is_refused()
    {
        await TrustAsync();
        var token = _issuer.Sign(Claims());
        for (var i = 0; i < 100; i++)
        {
            await _server.Builds(token).CreateBuildAsync(new CreateBuildRequest { ProjectId = _server.First.ProjectId });
        }

        Assert.Equal(StatusCode.ResourceExhausted, (await RefusalAsync(token)).StatusCode);
    }

    [Fact]
    public async Task Of_two_relationships_that_match_the_oldest_counts_and_both_are_named()
    {
        var first = await TrustAsync();
        _clock.Advance(TimeSpan.FromSeconds(1));
        var second = await TrustAsync(request => request.Conditions.Add(Equal("build_branch", "main")));

        var made = await _server.Builds(_issuer.Sign(Claims())).CreateBuildAsync(new CreateBuildRequest { ProjectId = _server.First.ProjectId });

        var shown = await _server.Admin().ShowBuildAsync(new ShowBuildRequest { BuildId = made.BuildId });
        Assert.Equal($"buildkite acme/app through trust relationship {first.Id}, the oldest of {first.Id}, {second.Id}", shown.Build.StartedBy);
    }

    [Fact]
    public async Task Ids_are_pinned_by_their_first_token_and_a_name_taken_over_is_worth_nothing()
    {
        await TrustAsync();
        var claims = Claims();
        (claims["organization_id"], claims["pipeline_id"]) = ("org-1", "pipe-1");
        await _server.Builds(_issuer.Sign(claims)).CreateBuildAsync(new CreateBuildRequest { ProjectId = _server.First.ProjectId });
        Assert.Equal("org-1", (await _server.Admin().ListTrustAsync(new ListTrustRequest { ProjectId = _server.First.ProjectId })).Trust[0].Pinned["organization_id"]);

        claims = Claims();
        (claims["organization_id"], claims["pipeline_id"]) = ("org-1", "pipe-2");
        Assert.Contains("pipeline_id \"pipe-1\", as it was when the relationship was first used, the token says \"pipe-2\"", (await RefusalAsync(_issuer.Sign(claims))).Detail);
    }

    [Fact]
    public async Task Branches_may_be_patterns_and_a_removed_relationship_ends_at_once()
    {
        var trust = await TrustAsync(request => request.Conditions.Add(
            new ClaimCondition { Claim = "build_branch", Operator = "matches", Values = { "release/*" } }));
        var claims = Claims();
        claims["build_branch"] = "release/1.0";
        await _server.Builds(_issuer.Sign(claims)).CreateBuildAsync(new CreateBuildRequest { ProjectId = _server.First.ProjectId });
        claims["build_branch"] = "x/release/1.0\n";
        Assert.Equal(StatusCode.PermissionDenied, (await RefusalAsync(_issuer.Sign(claims))).StatusCode);

        claims["build_branch"] = "release/1.0";
        await _server.Admin().RemoveTrustAsync(new RemoveTrustRequest { TrustId = trust.Id });
        Assert.Equal(StatusCode.Unauthenticated, (await RefusalAsync(_issuer.Sign(claims))).StatusCode);
    }

    [Fact]
    public async Task Keys_are_fetched_once_rotated_within_the_minute_and_outlive_an_issuer_that_is_down()
    {
        await TrustAsync();
        var before = _issuer.Sign(Claims());
        await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => CreateAsync(before)));
        Assert.Equal(2, _issuer.Requests.Count);

        // A flood of made-up key names: one fetch in half a minute.
        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => RefusalAsync(Renamed($"kid-{i}"))));
        Assert.Equal(2, _issuer.Requests.Count);

        _issuer.Rotate("two");
        _clock.Advance(TimeSpan.FromSeconds(31));
        await CreateAsync(_issuer.Sign(Claims(), "two"));
        Assert.Equal(4, _issuer.Requests.Count);

        _issuer.IsDown = true;
        _clock.Advance(TimeSpan.FromHours(1));
        await CreateAsync(_issuer.Sign(Claims(), "two"));
        _clock.Advance(TimeSpan.FromHours(24));
        Assert.Equal(StatusCode.Unauthenticated, (await RefusalAsync(_issuer.Sign(Claims(), "two"))).StatusCode);

        _issuer.IsDown = false;
        _clock.Advance(TimeSpan.FromSeconds(31));
        await CreateAsync(_issuer.Sign(Claims(), "two"));
        var taken = _issuer.Sign(Claims(), "two");
        _issuer.Rotate("three");
        _clock.Advance(TimeSpan.FromMinutes(4));
        await CreateAsync(taken);
        var late = _issuer.Buildkite(Self, _clock.GetUtcNow().AddMinutes(5));
        late["exp"] = _clock.GetUtcNow().AddMinutes(9).ToUnixTimeSeconds();
        _clock.Advance(TimeSpan.FromMinutes(7));
        Assert.Equal(StatusCode.Unauthenticated, (await RefusalAsync(taken)).StatusCode);
    }

    [Theory]
    [InlineData("huge")]
    [InlineData("slow")]
    [InlineData("redirect")]
    [InlineData("foreign issuer")]
    [InlineData("foreign keys")]
    [InlineData("many keys")]
    [InlineData("no JSON")]
    public async Task An_issuer_that_misbehaves_gives_no_keys(string how)
    {
        await using var bait = await FakeIssuer.StartAsync();
        await TrustAsync();
        var document = new JsonObject { ["issuer"] = _issuer.Url, ["jwks_uri"] = _issuer.Url + "/.well-known/jwks" };
        _issuer.Answer = async http =>
        {
            var isDiscovery = http.Request.Path.Value!.EndsWith("configuration", StringComparison.Ordinal);
            switch (how)
            {
                case "redirect":
                    http.Response.Redirect(bait.Url + "/.well-known/openid-configuration");
                    return;
                case "slow" when isDiscovery:
                    await Task.Delay(TimeSpan.FromSeconds(20), http.RequestAborted);
                    return;
            }

            await http.Response.WriteAsync((how, isDiscovery) switch
            {
                ("huge", false) => _issuer.Jwks() + new string(' ', 70_000),
                ("foreign issuer", true) => new JsonObject { ["issuer"] = bait.Url, ["jwks_uri"] = bait.Url + "/jwks" }.ToJsonString(),
                ("foreign keys", true) => new JsonObject { ["issuer"] = _issuer.Url, ["jwks_uri"] = bait.Url + "/jwks" }.ToJsonString(),
                ("many keys", false) => $"{{\"keys\":[{string.Join(',', Enumerable.Repeat("{}", 101))}]}}",
                ("no JSON", false) => "<html>",
                (_, true) => document.ToJsonString(),
                _ => _issuer.Jwks(),
            });
        };

        Assert.Equal(StatusCode.Unauthenticated, (await RefusalAsync(_issuer.Sign(Claims()))).StatusCode);
        Assert.Empty(bait.Requests);
    }

    [Theory]
    [InlineData("https://127.0.0.1:{0}")]
    [InlineData("https://localhost:{0}")]
    [InlineData("https://[::1]:{0}")]
    [InlineData("https://0x7f.1:{0}")]
    [InlineData("https://[::ffff:127.0.0.1]:{0}")]
    [InlineData("https://10.0.0.1:{0}")]
    [InlineData("https://169.254.169.254:{0}")]
    [InlineData("https://192.168.1.1:{0}")]
    public async Task Nobody_reaches_the_servers_own_network_through_an_issuer(string issuer)
    {
        issuer = string.Format(System.Globalization.CultureInfo.InvariantCulture, issuer, new Uri(_issuer.Url).Port);
        await TrustAsync(request => request.Issuer = issuer);
        var claims = Claims();
        claims["iss"] = issuer;
        Assert.Equal(StatusCode.Unauthenticated, (await RefusalAsync(_issuer.Sign(claims))).StatusCode);
        Assert.Empty(_issuer.Requests);
    }

    [Theory]
    [InlineData("8.8.8.8", true)]
    [InlineData("100.63.0.1", true)]
    [InlineData("100.64.0.1", false)]
    [InlineData("172.32.0.1", true)]
    [InlineData("172.16.0.1", false)]
    [InlineData("198.18.0.1", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("255.255.255.255", false)]
    [InlineData("2606:4700::1111", true)]
    [InlineData("fd00:ec2::254", false)]
    [InlineData("fe80::1", false)]
    [InlineData("64:ff9b::7f00:1", false)]
    [InlineData("2002:7f00:1::", false)]
    [InlineData("::", false)]
    public void Public_addresses_are_told_from_others(string address, bool expected) =>
        Assert.Equal(expected, IssuerAccess.IsPublic(System.Net.IPAddress.Parse(address)));

    [Theory]
    [InlineData("buildkite", "", "", "the relationship has no conditions: every job of the issuer would meet it; say which pipeline or repository may build")]
    [InlineData("buildkite", "", "pipeline_slug equals app", "the relationship does not pin the owner: buildkite is shared with strangers; add a condition on organization_slug or organization_id")]
    [InlineData("buildkite", "", "organization_slug equals acme", "the relationship does not pin the repository or pipeline: buildkite is shared with strangers; add a condition on pipeline_slug or pipeline_id")]
    [InlineData("buildkite", "", "organization_slug matches acme*|pipeline_slug equals app", "organization_slug cannot be a pattern; patterns are for build_branch, build_tag")]
    [InlineData("buildkite", "", "organization_slug equals acme|pipeline_slug equals *", "pipeline_slug is \"*\", and an exact value has no *; name each one")]
    [InlineData("github", "", "repository equals acme/*", "repository is \"acme/*\", and an exact value has no *; name each one")]
    [InlineData("github", "", "repository_owner equals acme|ref matches refs/*", "the relationship does not pin the repository or pipeline: github is shared with strangers; add a condition on repository or repository_id")]
    [InlineData("github", "", "aud equals x", "there can be no condition on the claim \"aud\"; the server judges it by itself")]
    [InlineData("github", "", "sub matches repo:acme/*", "sub cannot be a pattern; patterns are for ref, head_ref, base_ref, workflow_ref, job_workflow_ref")]
    [InlineData("gitlab", "http://gitlab.example.com", "project_path equals a/b", "the issuer \"http://gitlab.example.com\" is not https; keys that come in the clear prove nothing")]
    [InlineData("circleci", "", "oidc.circleci.com/project-id equals x", "provider circleci needs an issuer; --issuer https://oidc.circleci.com/org/ORGANIZATION-UUID")]
    [InlineData("oidc", "https://agent.buildkite.com", "sub equals x", "the issuer \"https://agent.buildkite.com\" serves all customers of buildkite; use --provider buildkite")]
    [InlineData("oidc", "https://x.example.com", "branch matches *", "the relationship pins nothing: patterns alone can be met by anybody's branch name; add --claim NAME=VALUE, for example sub")]
    [InlineData("oidc", "https://x.example.com?a=b", "sub equals x", "the issuer \"https://x.example.com?a=b\" is not an https:// URL; copy it from the \"iss\" claim of a token")]
    [InlineData("oidc", "https://x.example.com", "sub likes x", "the condition on sub is \"likes\"; use equals, in or matches")]
    [InlineData("oidc", "https://x.example.com", "sub equals x|sub equals y", "the claim sub has two conditions; use one with several values: in")]
    [InlineData("buildkite", "", "organization_slug equals acme|pipeline_slug equals App", "no token of buildkite has the pipeline_slug \"App\"; a slug is in lower case and has no spaces; copy it from the pipeline's address")]
    [InlineData("github", "", "repository equals app", "no token of github has the repository \"app\"; write OWNER/NAME")]
    [InlineData("github", "", "repository equals acme/app|ref equals main", "no token of github has the ref \"main\"; write refs/heads/BRANCH, or refs/tags/TAG")]
    [InlineData("github", "", "repository equals acme/app|ref matches release-*", "no token of github has the ref \"release-*\"; write refs/heads/BRANCH, or refs/tags/TAG")]
    [InlineData("github", "", "repository equals other/app|repository_owner equals acme", "no job meets both repository \"other/app\" and repository_owner \"acme\"; the path begins with its owner")]
    [InlineData("gitlab", "", "project_path equals app|namespace_path equals acme", "no token of gitlab has the project_path \"app\"; write GROUP/PROJECT")]
    [InlineData("jenkins", "", "sub equals x", "the provider is \"jenkins\"; choose one of buildkite, github, gitlab, circleci, oidc")]
    public async Task A_relationship_that_strangers_could_meet_or_nobody_is_not_saved(string provider, string issuer, string conditions, string expected)
    {
        var request = new AddTrustRequest { ProjectId = _server.First.ProjectId, Provider = provider, Issuer = issuer };
        foreach (var condition in conditions.Split('|', StringSplitOptions.RemoveEmptyEntries))
        {
            var words = condition.Split(' ');
            request.Conditions.Add(new ClaimCondition { Claim = words[0], Operator = words[1], Values = { words[2] } });
        }

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await _server.Admin().AddTrustAsync(request));
        Assert.Equal((StatusCode.InvalidArgument, expected), (refused.StatusCode, refused.Status.Detail));
    }

    [Theory]
    [InlineData("github", "repository", "acme/app", "repository_owner", "acme")]
    [InlineData("gitlab", "project_path", "acme/team/app", "namespace_path", "acme/team")]
    public async Task A_repositorys_path_names_its_owner(string provider, string claim, string path, string owner, string expected)
    {
        var trust = await _server.Admin().AddTrustAsync(
            new AddTrustRequest { ProjectId = _server.First.ProjectId, Provider = provider, Conditions = { Equal(claim, path) } });
        Assert.Equal(Equal(owner, expected), trust.Conditions[1]);
    }

    private JsonObject Claims() => _issuer.Buildkite(Self, _clock.GetUtcNow());

    private string Renamed(string kid) => _issuer.Sign(Claims(), header: new JsonObject { ["alg"] = "RS256", ["kid"] = kid });

    private async Task CreateAsync(string token) =>
        await _server.Builds(token).CreateBuildAsync(new CreateBuildRequest { ProjectId = _server.First.ProjectId });

    private async Task<Trust> TrustAsync(Action<AddTrustRequest>? change = null)
    {
        var request = new AddTrustRequest
        {
            ProjectId = _server.First.ProjectId,
            Provider = "buildkite",
            Issuer = _issuer.Url,
            Conditions = { Equal("organization_slug", "acme"), Equal("pipeline_slug", "app") },
        };
        change?.Invoke(request);
        return await _server.Admin().AddTrustAsync(request);
    }

    private static ClaimCondition Equal(string claim, string value) =>
        new() { Claim = claim, Operator = "equals", Values = { value } };

    private async Task<Status> RefusalAsync(string token, string? project = null)
    {
        using var http = _server.Http(System.Net.HttpVersion.Version20, token);
        using var channel = Grpc.Net.Client.GrpcChannel.ForAddress(_server.Url, new() { HttpClient = http });
        var builds = new BuildService.BuildServiceClient(channel);
        try
        {
            await builds.CreateBuildAsync(new CreateBuildRequest { ProjectId = project ?? _server.First.ProjectId });
            return Status.DefaultSuccess;
        }
        catch (RpcException refused)
        {
            return new Status(refused.StatusCode, refused.Status.Detail);
        }
    }

    private async Task<string?> FolderProblemAsync()
    {
        await _server.AuditAsync();
        return Slipway.Server.Storage.FolderCheck.Run(_server.Options.DataDirectory) is [var problem, ..] ? problem : null;
    }
}
