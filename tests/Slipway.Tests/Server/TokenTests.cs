using Dapper;
using Grpc.Core;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Contract.Depot.Cli.V1Beta1;
using Slipway.Contract.Fleet.V1;
using Slipway.Contract.Tokens;
using Slipway.Server.Builds;
using Slipway.Server.Tokens;
using Slipway.Tests.Server.Support;
using Xunit;

namespace Slipway.Tests.Server;

/// <summary>What a token is worth, how long, and what a caller is told about one that is worth nothing.</summary>
public sealed class TokenTests
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);

    [Theory]
    [InlineData(null, "no token was sent; set DEPOT_TOKEN or run \"depot login\"")]
    [InlineData("hello", "the token is not a token of this server; check DEPOT_TOKEN, or run \"depot login\"")]
    [InlineData("", "no token was sent; set DEPOT_TOKEN or run \"depot login\"")]
    [InlineData("slpu_000000000000000000000000000000000000", "the token is malformed: its checksum does not fit; copy it again into DEPOT_TOKEN, or run \"depot login\"")]
    [InlineData("slpp_cut", "the token is malformed: it has 8 characters instead of 41; copy it again into DEPOT_TOKEN, or run \"depot login\"")]
    public async Task A_token_that_is_none_is_told_so(string? token, string expected)
    {
        await using var server = await TestServer.StartAsync(_clock);
        Assert.Equal(expected, await RefusalAsync(server, token));
    }

    [Fact]
    public async Task An_unknown_and_a_revoked_token_get_one_answer()
    {
        await using var server = await TestServer.StartAsync(_clock);
        var made = await server.Admin().CreateTokenAsync(new CreateTokenRequest { ProjectId = server.First.ProjectId });
        await server.Admin().RevokeTokenAsync(new RevokeTokenRequest { TokenId = made.Info.Id });

        const string expected = "the token is unknown here or was revoked; create a new one, or run \"depot login\"";
        Assert.Equal(expected, await RefusalAsync(server, made.Token));
        Assert.Equal(expected, await RefusalAsync(server, TokenText.Create(TokenKind.User)));
    }

    [Fact]
    public async Task An_expired_token_says_since_when()
    {
        await using var server = await TestServer.StartAsync(_clock);
        var made = await server.Admin().CreateTokenAsync(new CreateTokenRequest { ProjectId = server.First.ProjectId, ExpiresInSeconds = 60 });
        Assert.Null(await RefusalAsync(server, made.Token));
        _clock.Advance(TimeSpan.FromMinutes(13));

        Assert.Equal("the token expired 12 minutes ago; create a new one, or run \"depot login\"", await RefusalAsync(server, made.Token));
    }

    [Fact]
    public async Task A_deleted_projects_token_is_worth_nothing()
    {
        await using var server = await TestServer.StartAsync(_clock);
        var made = await server.Admin().CreateTokenAsync(new CreateTokenRequest { ProjectId = server.First.ProjectId });
        await server.Admin().DeleteProjectAsync(new DeleteProjectRequest { ProjectId = server.First.ProjectId });

        Assert.NotNull(await RefusalAsync(server, made.Token));
    }

    [Fact]
    public async Task A_join_token_is_good_once_unless_it_was_made_for_many()
    {
        await using var server = await TestServer.StartAsync(_clock);
        var once = (await server.Admin().CreateJoinTokenAsync(new CreateJoinTokenRequest())).Token;
        var many = (await server.Admin().CreateJoinTokenAsync(new CreateJoinTokenRequest { ExpiresInSeconds = 3600 })).Token;
        for (var i = 0; i < 3; i++)
        {
            await server.Fleet(many).EnrollAsync(new EnrollRequest { Name = "x", Csr = FakeBuilder.NewCsr() });
        }

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            try
            {
                await server.Fleet(once).EnrollAsync(new EnrollRequest { Name = "x", Csr = FakeBuilder.NewCsr() });
                return StatusCode.OK;
            }
            catch (RpcException refused)
            {
                return refused.StatusCode;
            }
        }));

        Assert.Equal(1, answers.Count(code => code == StatusCode.OK));
        Assert.Equal(7, answers.Count(code => code == StatusCode.Unauthenticated));
        _clock.Advance(TimeSpan.FromHours(1));
        await Assert.ThrowsAsync<RpcException>(async () => await server.Fleet(many).EnrollAsync(new EnrollRequest { Name = "x", Csr = FakeBuilder.NewCsr() }));
    }

    [Fact]
    public async Task A_removed_builder_is_gone_and_stays_out()
    {
        await using var server = await TestServer.StartAsync(_clock);
        await using var builder = await FakeBuilder.AttachedAsync(server);

        await server.Admin().RemoveBuilderAsync(new RemoveBuilderRequest { BuilderId = builder.Id });

        await TestWait.UntilAsync(() => server.Service<Slipway.Server.Builders.Fleet>().Find(builder.Id) is null);
        using var again = server.Fleet(builder.Token).Attach();
        var refused = await Assert.ThrowsAsync<RpcException>(() => again.ResponseStream.MoveNext(default));
        Assert.Equal(StatusCode.Unauthenticated, refused.StatusCode);
    }

    [Fact]
    public async Task The_last_use_is_kept_to_the_minute()
    {
        await using var server = await TestServer.StartAsync(_clock);
        var made = await server.Admin().CreateTokenAsync(new CreateTokenRequest { ProjectId = server.First.ProjectId });
        await RefusalAsync(server, made.Token);
        await server.Service<TokenUse>().FlushAsync(default);

        var info = (await server.Admin().ListTokensAsync(new ListTokensRequest())).Tokens.Single(token => token.Id == made.Info.Id);

        Assert.Equal(0, info.LastUsedAt.ToDateTime().Second);
        Assert.True(_clock.GetUtcNow() - info.LastUsedAt.ToDateTimeOffset() < TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task No_secret_is_in_the_data_folder_but_the_keys_of_the_authorities()
    {
        await using var server = await TestServer.StartAsync(_clock);
        await using var builder = await FakeBuilder.AttachedAsync(server);
        var (build, token) = await server.CreateBuildAsync();
        var active = (await server.Builds(token).GetBuildKitConnectionAsync(new() { BuildId = build, Platform = BuilderPlatform.Amd64 })).Active;
        var secrets = new[] { server.Owner, token, builder.Token, active.Cert.Key.Split('\n')[1] };

        foreach (var file in Directory.GetFiles(server.Options.DataDirectory, "slipway.db*"))
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var reader = new StreamReader(stream, System.Text.Encoding.Latin1);
            var text = await reader.ReadToEndAsync();
            Assert.All(secrets, secret => Assert.DoesNotContain(secret, text));
        }

        // And the hash from the database is no token.
        using var database = new SqliteConnection($"Data Source={Path.Combine(server.Options.DataDirectory, "slipway.db")};Mode=ReadOnly");
        Assert.NotNull(await RefusalAsync(server, database.QueryFirst<string>("SELECT hash FROM tokens")));
    }

    [Fact]
    public async Task Without_a_project_the_only_reachable_one_is_taken()
    {
        await using var server = await TestServer.StartAsync(_clock);
        Assert.Equal(server.First.ProjectId, (await server.Builds().CreateBuildAsync(new CreateBuildRequest { ProjectId = "" })).ProjectId);
        var project = await server.Admin().CreateTokenAsync(new CreateTokenRequest { ProjectId = server.First.ProjectId });
        await server.Admin().CreateProjectAsync(new CreateProjectRequest { Name = "second" });

        var several = await Assert.ThrowsAsync<RpcException>(async () => await server.Builds().CreateBuildAsync(new CreateBuildRequest()));
        var own = await server.Builds(project.Token).CreateBuildAsync(new CreateBuildRequest());

        Assert.Equal(StatusCode.NotFound, several.StatusCode);
        Assert.Equal(
            "no project was named and this token reaches several; name one with --project, DEPOT_PROJECT_ID or depot.json", several.Status.Detail);
        Assert.Equal(server.First.ProjectId, own.ProjectId);
    }

    [Fact]
    public async Task Lists_hold_only_what_the_caller_reaches()
    {
        await using var server = await TestServer.StartAsync(_clock);
        var other = await server.Admin().CreateOrganizationAsync(new CreateOrganizationRequest { Name = "other" });
        await server.Admin().CreateProjectAsync(new CreateProjectRequest { OrganizationId = other.Id, Name = "theirs" });
        var token = (await server.Admin().CreateTokenAsync(new CreateTokenRequest { OrganizationId = other.Id })).Token;

        var projects = await new ProjectsService.ProjectsServiceClient(server.Invoker(token)).ListProjectsAsync(new());

        Assert.Equal("theirs", Assert.Single(projects.Projects).Name);
        Assert.Equal(other.Id, Assert.Single((await server.Admin(token).ListOrganizationsAsync(new())).Organizations).Id);
        Assert.All((await server.Admin(token).ListTokensAsync(new())).Tokens, info => Assert.Equal(other.Id, info.OrganizationId));
    }

    [Fact]
    public async Task Naming_another_organization_beside_a_token_changes_nothing()
    {
        await using var server = await TestServer.StartAsync(_clock);
        var other = await server.Admin().CreateOrganizationAsync(new CreateOrganizationRequest { Name = "other" });
        var theirs = await server.Admin().CreateProjectAsync(new CreateProjectRequest { OrganizationId = other.Id, Name = "theirs" });
        var (_, token) = await server.CreateUserAsync(server.First.OrganizationId, "owner");
        var named = new Metadata { { "x-depot-org", other.Id } };

        var projects = await new ProjectsService.ProjectsServiceClient(server.Invoker(token)).ListProjectsAsync(new(), named);
        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await server.Builds(token).CreateBuildAsync(new CreateBuildRequest { ProjectId = theirs.Id }, named));

        Assert.DoesNotContain(projects.Projects, project => project.Id == theirs.Id);
        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
    }

    [Fact]
    public async Task Builds_are_listed_newest_first_page_by_page()
    {
        await using var server = await TestServer.StartAsync(_clock);
        var made = new List<string>();
        for (var i = 0; i < 7; i++)
        {
            made.Insert(0, (await server.CreateBuildAsync()).Id);
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        var pages = new List<List<string>>();
        var next = "";
        do
        {
            var page = await server.Builds().ListBuildsAsync(new() { ProjectId = server.First.ProjectId, PageSize = 3, PageToken = next });
            pages.Add([.. page.Builds.Select(build => build.Id)]);
            next = page.NextPageToken;
        }
        while (next.Length > 0);

        Assert.Equal([3, 3, 1], pages.Select(page => page.Count));
        Assert.Equal(made, pages.SelectMany(page => page));
        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await server.Builds().ListBuildsAsync(new() { ProjectId = server.First.ProjectId, PageToken = "%%%" }));
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
    }

    private static async Task<string?> RefusalAsync(TestServer server, string? token)
    {
        try
        {
            await new ProjectsService.ProjectsServiceClient(server.Invoker(token)).ListProjectsAsync(new());
            return null;
        }
        catch (RpcException refused)
        {
            return refused.Status.Detail;
        }
    }
}
