using Dapper;
using Grpc.Core;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Contract.Tokens;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;
using Slipway.Tests.Server.Support;
using Xunit;

namespace Slipway.Tests.Server;

/// <summary>Roles and tokens as they change, and what the audit log keeps of it.</summary>
public sealed class IdentityTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);
    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync(_clock);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_role_counts_from_the_next_call_on_and_so_does_its_end()
    {
        var (email, token) = await _server.CreateUserAsync(_server.First.OrganizationId, "viewer");
        Assert.Equal(StatusCode.PermissionDenied, await CreateAsync(token));
        await _server.Admin().SetUserRoleAsync(new SetUserRoleRequest { Email = email, Role = "member" });
        Assert.Equal(StatusCode.OK, await CreateAsync(token));
        await _server.Admin().RemoveUserAsync(new RemoveUserRequest { Email = email });
        Assert.Equal(StatusCode.PermissionDenied, await CreateAsync(token));
    }

    [Fact]
    public async Task The_last_owner_of_an_organization_stays_one()
    {
        var (email, token) = await _server.CreateUserAsync(_server.First.OrganizationId, "owner");
        var refused = await Assert.ThrowsAsync<RpcException>(
            async () => await _server.Admin(token).RemoveUserAsync(new RemoveUserRequest { Email = email }));
        Assert.Equal($"{email} is the organization's only owner; make somebody else an owner first", refused.Status.Detail);
    }

    [Fact]
    public async Task An_organizations_token_has_the_role_that_it_was_made_with()
    {
        foreach (var (role, expected) in new[] { ("viewer", StatusCode.PermissionDenied), ("member", StatusCode.OK), ("", StatusCode.OK) })
        {
            var made = await _server.Admin().CreateTokenAsync(new CreateTokenRequest { OrganizationId = _server.First.OrganizationId, Role = role });
            Assert.Equal(expected, await CreateAsync(made.Token));
        }

        var wrong = await Assert.ThrowsAsync<RpcException>(async () => await _server.Admin().CreateTokenAsync(
            new CreateTokenRequest { OrganizationId = _server.First.OrganizationId, Role = "king" }));
        Assert.Equal("the role is \"king\"; choose owner, member or viewer", wrong.Status.Detail);
    }

    [Fact]
    public async Task A_rotated_token_works_on_for_the_overlap()
    {
        var old = await _server.Admin().CreateTokenAsync(new CreateTokenRequest { ProjectId = _server.First.ProjectId, Name = "ci" });
        var next = await _server.Admin().RotateTokenAsync(new RotateTokenRequest { TokenId = old.Info.Id, OverlapSeconds = 3600 });

        Assert.Equal(("ci", _server.First.ProjectId), (next.Info.Name, next.Info.ProjectId));
        Assert.Equal((StatusCode.OK, StatusCode.OK), (await CreateAsync(old.Token), await CreateAsync(next.Token)));
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal((StatusCode.Unauthenticated, StatusCode.OK), (await CreateAsync(old.Token), await CreateAsync(next.Token)));
        await Assert.ThrowsAsync<RpcException>(async () => await _server.Admin().RotateTokenAsync(new RotateTokenRequest { TokenId = old.Info.Id }));
    }

    [Fact]
    public async Task A_persons_token_that_nobody_uses_for_a_month_is_over()
    {
        var (_, token) = await _server.CreateUserAsync(_server.First.OrganizationId, "member");
        _clock.Advance(TimeSpan.FromDays(29));
        Assert.Equal(StatusCode.OK, await CreateAsync(token));
        await _server.Service<TokenUse>().FlushAsync(default);
        _clock.Advance(TimeSpan.FromDays(29));
        Assert.Equal(StatusCode.OK, await CreateAsync(token));
        await _server.Service<TokenUse>().FlushAsync(default);
        _clock.Advance(TimeSpan.FromDays(30));
        Assert.Equal(StatusCode.Unauthenticated, await CreateAsync(token));
    }

    [Fact]
    public async Task Guessing_tokens_is_stopped_and_a_valid_caller_beside_it_is_not()
    {
        // An agent behind the same address whose token has expired is no guesser, however often it tries.
        var lapsed = await _server.Admin().CreateTokenAsync(new CreateTokenRequest { ProjectId = _server.First.ProjectId, ExpiresInSeconds = 1 });
        _clock.Advance(TimeSpan.FromSeconds(2));
        for (var i = 0; i < 60; i++)
        {
            Assert.Equal(StatusCode.Unauthenticated, await CreateAsync(lapsed.Token));
        }

        for (var i = 0; i < 59; i++)
        {
            Assert.Equal(StatusCode.Unauthenticated, await CreateAsync(TokenText.Create(TokenKind.Project)));
        }

        Assert.Equal(StatusCode.ResourceExhausted, await CreateAsync(TokenText.Create(TokenKind.Project)));
        Assert.Equal(StatusCode.OK, await CreateAsync(_server.Owner));
        Assert.Equal(StatusCode.Unauthenticated, await CreateAsync(lapsed.Token));
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(StatusCode.Unauthenticated, await CreateAsync(TokenText.Create(TokenKind.Project)));
    }

    [Fact]
    public async Task Every_change_of_rights_is_in_the_audit_log_without_a_token()
    {
        var (email, token) = await _server.CreateUserAsync(_server.First.OrganizationId, "member");
        var made = await _server.Admin().CreateTokenAsync(new CreateTokenRequest { ProjectId = _server.First.ProjectId, Name = "ci" });
        await _server.Admin().RevokeTokenAsync(new RevokeTokenRequest { TokenId = made.Info.Id });
        await _server.Admin().SetUserRoleAsync(new SetUserRoleRequest { Email = email, Role = "viewer" });
        var project = await _server.Admin().CreateProjectAsync(new CreateProjectRequest { OrganizationId = _server.First.OrganizationId, Name = "web" });
        await _server.Admin().DeleteProjectAsync(new DeleteProjectRequest { ProjectId = project.Id });
        await CreateAsync(token);

        var records = await _server.AuditAsync();
        Assert.Equal(
            [
                "depot.cli.v1.BuildService/CreateBuild", "project.delete", "project.create", "user.role", "token.revoke", "token.create", "token.create",
                "user.join", "user.invite", "token.create", "project.create", "organization.create",
            ],
            records.Select(record => record.Action));
        Assert.Equal(("denied", $"user {email}", "127.0.0.1"), (records[0].Outcome, records[0].Actor, records[0].Address));
        Assert.Equal(("user owner", $"token {made.Info.Id}", "project token \"ci\" of " + _server.First.ProjectId), (records[4].Actor, records[4].Target, records[4].Detail));
        var text = records.ToString();
        Assert.All([token, made.Token, _server.Owner], secret => Assert.DoesNotContain(secret, text));

        var filtered = await _server.Admin().ListAuditAsync(new ListAuditRequest { Outcome = "denied", Actor = email, SinceSeconds = 60 });
        Assert.Single(filtered.Records);
        Assert.Empty((await _server.Admin().ListAuditAsync(new ListAuditRequest { Action = "trust." })).Records);
    }

    [Theory]
    [InlineData(null, "127.0.0.1")]
    [InlineData("10.0.0.0/8", "127.0.0.1")]
    [InlineData("127.0.0.1", "192.0.2.7")]
    public async Task Only_a_trusted_proxy_is_believed_where_a_call_came_from(string? proxy, string expected)
    {
        await using var server = await TestServer.StartAsync(change: options => options with { TrustedProxies = proxy is null ? [] : [proxy] });
        using var http = server.Http(System.Net.HttpVersion.Version11, "hello");
        http.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.7");
        using var refused = await http.PostAsync("/depot.cli.v1.BuildService/CreateBuild", new StringContent("{}", null, "application/json"));
        Assert.Equal(expected, (await server.AuditAsync("depot."))[0].Address);
    }

    [Fact]
    public async Task A_flood_of_equal_refusals_is_one_record_with_a_count()
    {
        for (var i = 0; i < 20; i++)
        {
            await CreateAsync("hello");
        }

        var record = Assert.Single(await _server.AuditAsync("depot."));
        Assert.EndsWith("(20 times)", record.Detail);
    }

    [Theory]
    [InlineData("UPDATE audit SET detail = 'nothing' WHERE sequence = 2", "audit record 2 was changed, or the one before it")]
    [InlineData("UPDATE audit SET outcome = 'denied' WHERE sequence = 1", "audit record 1 was changed, or the one before it")]
    [InlineData("DELETE FROM audit WHERE sequence = 2", "audit record 2 is missing")]
    [InlineData("DELETE FROM audit WHERE sequence = 3", "the audit log ends at record 2 of 3: the end was cut off")]
    public async Task Tampering_with_the_audit_log_shows(string tampering, string expected)
    {
        var folder = _server.Options.DataDirectory;
        Assert.Empty(FolderCheck.Run(folder));
        await using var connection = new SqliteConnection($"Data Source={Path.Combine(folder, "slipway.db")};Pooling=False");
        await Assert.ThrowsAsync<SqliteException>(() => connection.ExecuteAsync(tampering));
        await connection.ExecuteAsync($"DROP TRIGGER audit_is_never_changed; DROP TRIGGER audit_is_never_cut; {tampering}");

        Assert.Contains(FolderCheck.Run(folder), problem => problem.EndsWith(expected, StringComparison.Ordinal));
    }

    private async Task<StatusCode> CreateAsync(string token)
    {
        try
        {
            await _server.Builds(token).CreateBuildAsync(new CreateBuildRequest { ProjectId = _server.First.ProjectId });
            return StatusCode.OK;
        }
        catch (RpcException refused)
        {
            return refused.StatusCode;
        }
    }
}
