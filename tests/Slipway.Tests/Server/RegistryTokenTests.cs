using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Tests.Server.Support;
using Xunit;
using ClaimCondition = Slipway.Contract.Admin.V1.ClaimCondition;

namespace Slipway.Tests.Server;

/// <summary>Who gets what in the registry: kinds of caller times repositories times what is asked for.</summary>
public sealed class RegistryTokenTests : IAsyncLifetime
{
    private const string Service = "localhost:5000";
    private const string Everything = "pull,push,delete,*";

    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);
    private FakeIssuer _issuer = null!;
    private TestServer _server = null!;
    private string _project = "";

    public async ValueTask InitializeAsync()
    {
        _issuer = await FakeIssuer.StartAsync();
        _server = await TestServer.StartAsync(_clock, change: options => options with { InsecureIssuers = [_issuer.Url], RegistryUrl = $"http://{Service}" });
        _project = _server.First.ProjectId;
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _issuer.DisposeAsync();
    }

    /// <summary>
    /// In this order: the project's own repository, the one of its untrusted builds, another project's of the organization, another organization's, nobody's.
    /// p: pull; b: pull and push; -: nothing. Nobody deletes.
    /// </summary>
    [Theory]
    [InlineData("operator", "b b b b -")]
    [InlineData("owner", "b p b - -")]
    [InlineData("member", "b p b - -")]
    [InlineData("viewer", "p p p - -")]
    [InlineData("organization", "b p b - -")]
    [InlineData("project", "b p - - -")]
    [InlineData("job", "p p - - -")]
    [InlineData("untrusted job", "- - - - -")]
    [InlineData("build", "b - - - -")]
    [InlineData("untrusted build", "- b - - -")]
    [InlineData("build that is over", "- - - - -")]
    [InlineData("pull of the project", "p - - - -")]
    [InlineData("pull of a build", "p - - - -")]
    [InlineData("pull of an untrusted build", "- p - - -")]
    [InlineData("pull of a build that is over", "p - - - -")]
    public async Task A_caller_gets_exactly_what_the_table_says(string caller, string expected)
    {
        var token = await TokenAsync(caller);
        var other = await _server.Admin().CreateProjectAsync(new() { OrganizationId = _server.First.OrganizationId, Name = "other" });
        var foreign = await _server.Admin().CreateProjectAsync(new() { OrganizationId = (await _server.Admin().CreateOrganizationAsync(new() { Name = "B" })).Id, Name = "theirs" });

        var granted = await GrantedAsync(token, [.. new[] { _project, $"{_project}-untrusted", other.Id, foreign.Id, "pnobody" }.Select(name => $"repository:{name}:{Everything}")]);

        string[] names = [_project, $"{_project}-untrusted", other.Id, foreign.Id, "pnobody"];
        Assert.Equal(expected, string.Join(' ', names.Select(name => granted.GetValueOrDefault($"repository:{name}") switch
        {
            null => "-", "pull" => "p", "pull,push" => "b", var more => more,
        })));
    }

    [Fact]
    public async Task Nobody_sees_the_catalogue_and_nobody_reaches_beside_a_projects_repositories()
    {
        Assert.Empty(await GrantedAsync(
            _server.Owner, ["registry:catalog:*", $"repository(plugin):{_project}:pull", $"repository:{_project}/x:pull", $"repository:{_project}-untrusted-untrusted:pull", "repository::pull", ":::", "pull"]));
    }

    [Theory]
    [InlineData("slpr_000000000000000000000000000000000000")]
    [InlineData("")]
    [InlineData("eyJhbGciOiJub25lIn0.e30.x")]
    public async Task Whoever_has_no_token_that_counts_gets_none(string secret)
    {
        using var response = await AskAsync(secret, [$"repository:{_project}:pull"]);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Contains("\"UNAUTHORIZED\"", await response.Content.ReadAsStringAsync());
        Assert.Contains(await _server.AuditAsync("registry.token"), record => record.Outcome == "denied" && record.Actor == "anonymous");
    }

    [Fact]
    public async Task Guessing_is_slowed_down_and_a_valid_caller_is_not()
    {
        for (var i = 0; i < 60; i++)
        {
            using var wrong = await AskAsync("guess", []);
            Assert.NotEqual(HttpStatusCode.OK, wrong.StatusCode);
        }

        using var limited = await AskAsync("guess", []);
        Assert.Equal(HttpStatusCode.TooManyRequests, limited.StatusCode);
        Assert.Single(await GrantedAsync(_server.Owner, [$"repository:{_project}:pull"]));
    }

    [Fact]
    public async Task A_revoked_token_and_an_expired_one_get_nothing_any_more()
    {
        var made = await _server.Admin().CreateTokenAsync(new CreateTokenRequest { PullProjectId = _project });
        Assert.Single(await GrantedAsync(made.Token, [$"repository:{_project}:pull"]));
        await _server.Admin().RevokeTokenAsync(new RevokeTokenRequest { TokenId = made.Info.Id });
        using var revoked = await AskAsync(made.Token, [$"repository:{_project}:pull"]);
        Assert.Equal(HttpStatusCode.Unauthorized, revoked.StatusCode);

        var later = await PullTokenAsync();
        _clock.Advance(TimeSpan.FromMinutes(61));
        using var expired = await AskAsync(later, [$"repository:{_project}:pull"]);
        Assert.Equal(HttpStatusCode.Unauthorized, expired.StatusCode);
    }

    [Fact]
    public async Task A_pull_token_is_listed_and_put_in_anothers_place_and_lasts_an_hour_at_most()
    {
        var build = await BuildAsync(_server.Owner);
        var made = await _server.Admin().CreateTokenAsync(new CreateTokenRequest { PullBuildId = build.BuildId, ExpiresInSeconds = 600 });
        var listed = Assert.Single((await _server.Admin().ListTokensAsync(new())).Tokens, token => token.Kind == "pull");
        Assert.Equal((made.Info.Id, _project, 600), (listed.Id, listed.ProjectId, (listed.ExpiresAt - listed.CreatedAt).Seconds));

        var next = await _server.Admin().RotateTokenAsync(new RotateTokenRequest { TokenId = made.Info.Id });
        Assert.Equal("pull", (await GrantedAsync(next.Token, [$"repository:{_project}:{Everything}"]))[$"repository:{_project}"]);
        var longer = await Assert.ThrowsAsync<RpcException>(async () => await _server.Admin().CreateTokenAsync(new CreateTokenRequest { PullProjectId = _project, ExpiresInSeconds = 5400 }));
        Assert.Equal("a pull token cannot last 90 minutes; at most 60 minutes", longer.Status.Detail);
        Assert.Empty(Slipway.Server.Storage.FolderCheck.Run(_server.Options.DataDirectory));
    }

    [Fact]
    public async Task A_token_is_for_this_registry_signed_under_its_certificates_and_lasts_a_minute()
    {
        using var response = await AskAsync(_server.Owner, [$"repository:{_project}:pull"]);
        using var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        Assert.Equal(60, answer.RootElement.GetProperty("expires_in").GetInt32());
        Assert.Equal("no-store", response.Headers.CacheControl!.ToString());

        var token = new JsonWebToken(answer.RootElement.GetProperty("token").GetString());
        Assert.Equal(("slipway", Service, TimeSpan.FromSeconds(60)), (token.Issuer, token.Audiences.Single(), token.ValidTo - token.IssuedAt));
        var settings = await _server.Admin().GetRegistryAsync(new());
        using var root = X509Certificate2.CreateFromPem(settings.Certificates);
        using var leaf = X509CertificateLoader.LoadCertificate(Convert.FromBase64String(token.GetHeaderValue<string[]>("x5c").Single()));
        using var chain = new X509Chain { ChainPolicy = { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck } };
        chain.ChainPolicy.CustomTrustStore.Add(root);
        Assert.True(chain.Build(leaf));
        var verified = await new JsonWebTokenHandler().ValidateTokenAsync(token.EncodedToken, new TokenValidationParameters
        {
            IssuerSigningKey = new ECDsaSecurityKey(leaf.GetECDsaPublicKey()!), ValidIssuer = "slipway", ValidAudience = Service, ValidateLifetime = false,
        });
        Assert.True(verified.IsValid, verified.Exception?.Message);
        Assert.Equal(($"{_server.Url.ToString().TrimEnd('/')}/registry/token", Service), (settings.Realm, settings.Service));
        var key = Path.Combine(_server.Options.DataDirectory, "ca", "registry-token.key");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(key));
    }

    [Fact]
    public async Task The_forms_of_OAuth_are_answered_as_well()
    {
        using var http = _server.Http(HttpVersion.Version11);
        foreach (var form in new Dictionary<string, string>[]
        {
            new() { ["grant_type"] = "password", ["username"] = "x-token", ["password"] = _server.Owner },
            new() { ["grant_type"] = "refresh_token", ["refresh_token"] = _server.Owner },
        })
        {
            form["service"] = Service;
            form["scope"] = $"repository:{_project}:pull,push repository:pnobody:pull";
            using var response = await http.PostAsync("/registry/token", new FormUrlEncodedContent(form));
            using var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
            Assert.Equal($"repository:{_project}:pull,push", answer.RootElement.GetProperty("scope").GetString());
        }

        using var other = await http.PostAsync("/registry/token", new FormUrlEncodedContent(new Dictionary<string, string> { ["grant_type"] = "magic" }));
        Assert.Equal(HttpStatusCode.BadRequest, other.StatusCode);
    }

    [Fact]
    public async Task Another_registrys_question_is_not_answered()
    {
        using var response = await AskAsync(_server.Owner, [], service: "elsewhere");
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("this server vouches for localhost:5000, not for", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_pull_token_opens_no_call_of_this_server()
    {
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await _server.Builds(await PullTokenAsync()).CreateBuildAsync(new() { ProjectId = _project }));
        Assert.Equal((StatusCode.Unauthenticated, "a pull token is for the registry alone; set DEPOT_TOKEN to another one, or run \"depot login\""), (refused.StatusCode, refused.Status.Detail));
    }

    [Fact]
    public async Task A_build_that_saves_is_told_its_names_and_may_push_with_its_own_token()
    {
        var request = new CreateBuildRequest { ProjectId = _project, Options = { new BuildOptions { Save = true, SaveTags = { "latest" }, Tags = { "app:1" }, Outputs = { new BuildOutput { Kind = "image", Attributes = { ["x"] = "secret" } } } } } };
        var made = await _server.Builds().CreateBuildAsync(request);
        Assert.Equal([$"{Service}/{_project}:{made.BuildId}", $"{Service}/{_project}:latest"], made.AdditionalTags.Select(tag => tag.Tag_));
        var login = Assert.Single(made.AdditionalCredentials);
        Assert.Equal((Service, $"x-token:{made.BuildToken}"), (login.Host, Encoding.UTF8.GetString(Convert.FromBase64String(login.Token))));

        var info = await _server.Builds().GetPullInfoAsync(new() { BuildId = made.BuildId });
        Assert.Equal((made.AdditionalTags[0].Tag_, "x-token", Service), (info.Reference, info.Username, info.RegistryHost));
        Assert.Equal((true, "app:1", 0), (info.Options[0].Save, info.Options[0].Tags.Single(), info.Options[0].Outputs.Count));
        Assert.Equal("pull", (await GrantedAsync(info.Password, [$"repository:{_project}:{Everything}"]))[$"repository:{_project}"]);

        // One that does not save is told nothing, and says so to whoever wants to pull it.
        var plain = await BuildAsync(_server.Owner);
        Assert.Empty(plain.AdditionalTags);
        Assert.False((await _server.Builds().GetPullInfoAsync(new() { BuildId = plain.BuildId })).Options.Single().Save);
    }

    [Theory]
    [InlineData("with space", "\"with space\" cannot be a save tag; use letters, digits, \".\", \"_\" and \"-\"")]
    [InlineData("b23456789ab", "the save tag \"b23456789ab\" looks like a build's id; choose another one")]
    [InlineData("b23456789ab-web", "the save tag \"b23456789ab-web\" looks like a build's id; choose another one")]
    public async Task A_save_tag_that_is_none_or_takes_another_builds_name_is_refused(string tag, string expected)
    {
        var request = new CreateBuildRequest { ProjectId = _project, Options = { new BuildOptions { Save = true, SaveTags = { tag } } } };
        Assert.Equal(expected, (await Assert.ThrowsAsync<RpcException>(async () => await _server.Builds().CreateBuildAsync(request))).Status.Detail);
    }

    [Theory]
    [InlineData("https://registry.example.com", true)]
    [InlineData("https://registry.example.com:5000/", true)]
    [InlineData("http://localhost:5000", true)]
    [InlineData("http://registry.example.com", false)]
    [InlineData("https://registry.example.com/images", false)]
    [InlineData("https://me:secret@registry.example.com", false)]
    [InlineData("registry.example.com", false)]
    public void A_registry_is_a_host_and_speaks_TLS(string url, bool isTaken)
    {
        var problems = (_server.Options with { RegistryUrl = url, PublicUrl = "https://slipway.example.com" }).Validate();
        Assert.Equal(isTaken ? [] : [$"the registry URL {(url.Contains('@', StringComparison.Ordinal) ? "has a login in it" : $"is \"{url}\"")}: it must be https://HOST or https://HOST:PORT (http only on this machine)"], problems);
    }

    [Fact]
    public void A_registry_for_others_needs_a_server_that_others_reach() => Assert.Equal(
        ["the registry's clients get their tokens from this server, wherever they are: set --public-url URL beside --registry-url"],
        (_server.Options with { RegistryUrl = "https://registry.example.com" }).Validate());

    [Fact]
    public async Task A_server_without_a_registry_says_what_to_do_instead()
    {
        await using var server = await TestServer.StartAsync(_clock);
        var saved = new CreateBuildRequest { ProjectId = server.First.ProjectId, Options = { new BuildOptions { Save = true } } };
        var build = await server.CreateBuildAsync();
        Func<Task>[] calls =
        [
            async () => await server.Builds().CreateBuildAsync(saved),
            async () => await server.Builds().GetPullTokenAsync(new() { ProjectId = server.First.ProjectId }),
            async () => await server.Builds().GetPullInfoAsync(new() { BuildId = build.Id }),
            async () => await server.Admin().GetRegistryAsync(new()),
        ];
        foreach (var call in calls)
        {
            Assert.StartsWith("this server keeps no images: it has no registry; push with --push or load with --load", (await Assert.ThrowsAsync<RpcException>(call)).Status.Detail);
        }

        using var response = await server.Http(HttpVersion.Version11).GetAsync("/registry/token");
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    private async Task<string> TokenAsync(string caller) => caller switch
    {
        "operator" => _server.Owner,
        "owner" or "member" or "viewer" => (await _server.CreateUserAsync(_server.First.OrganizationId, caller)).Token,
        "organization" => (await _server.Admin().CreateTokenAsync(new() { OrganizationId = _server.First.OrganizationId })).Token,
        "project" => (await _server.Admin().CreateTokenAsync(new() { ProjectId = _project })).Token,
        "job" => await JobAsync("trusted"),
        "untrusted job" => await JobAsync("untrusted"),
        "build" => (await BuildAsync(_server.Owner)).BuildToken,
        "untrusted build" => (await BuildAsync(await JobAsync("untrusted"))).BuildToken,
        "build that is over" => await OverAsync(await BuildAsync(_server.Owner)),
        "pull of the project" => await PullTokenAsync(),
        "pull of a build" => await PullTokenAsync(await BuildAsync(_server.Owner)),
        "pull of an untrusted build" => await PullTokenAsync(await BuildAsync(await JobAsync("untrusted"))),
        _ => await PullOfOverAsync(await BuildAsync(_server.Owner)),
    };

    private async Task<string> PullTokenAsync(CreateBuildResponse? build = null) =>
        (await _server.Builds().GetPullTokenAsync(new() { ProjectId = build is null ? _project : "", BuildId = build?.BuildId ?? "" })).Token;

    private async Task<CreateBuildResponse> BuildAsync(string token) => await _server.Builds(token).CreateBuildAsync(new() { ProjectId = _project });

    private async Task<string> OverAsync(CreateBuildResponse build)
    {
        await _server.Builds().FinishBuildAsync(new() { BuildId = build.BuildId, Success = new() });
        return build.BuildToken;
    }

    // A build's own token dies with it; what was handed out for its image goes on.
    private async Task<string> PullOfOverAsync(CreateBuildResponse build)
    {
        await OverAsync(build);
        var pull = await PullTokenAsync(build);
        _clock.Advance(TimeSpan.FromMinutes(20));
        return pull;
    }

    private async Task<string> JobAsync(string tier)
    {
        await _server.Admin().AddTrustAsync(new AddTrustRequest
        {
            ProjectId = _project,
            Provider = "buildkite",
            Issuer = _issuer.Url,
            Tier = tier,
            Conditions =
            {
                new ClaimCondition { Claim = "organization_slug", Operator = "equals", Values = { "acme" } },
                new ClaimCondition { Claim = "pipeline_slug", Operator = "equals", Values = { "web" } },
            },
        });
        var claims = _issuer.Buildkite(_server.Url.ToString().TrimEnd('/'), _clock.GetUtcNow());
        claims["pipeline_slug"] = "web";
        return _issuer.Sign(claims);
    }

    private async Task<Dictionary<string, string>> GrantedAsync(string token, string[] scopes)
    {
        using var response = await AskAsync(token, scopes);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        using var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        using var claims = JsonDocument.Parse(Base64UrlEncoder.Decode(answer.RootElement.GetProperty("token").GetString()!.Split('.')[1]));
        return claims.RootElement.GetProperty("access").EnumerateArray().ToDictionary(
            access => $"{access.GetProperty("type")}:{access.GetProperty("name")}",
            access => string.Join(',', access.GetProperty("actions").EnumerateArray().Select(action => action.GetString())));
    }

    private async Task<HttpResponseMessage> AskAsync(string token, string[] scopes, string service = Service)
    {
        using var http = _server.Http(HttpVersion.Version11);
        if (token.Length > 0)
        {
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"x-token:{token}")));
        }

        return await http.GetAsync(
            $"/registry/token?service={service}&account=x-token&offline_token=true{string.Concat(scopes.Select(scope => $"&scope={Uri.EscapeDataString(scope)}"))}");
    }
}
