using Dapper;
using Microsoft.Data.Sqlite;
using Slipway.Server.Audit;
using Slipway.Server.Storage;

namespace Slipway.Server.Tokens;

/// <summary>The tokens' table: hashes and what they stand for.</summary>
internal sealed class TokenStore(Database database, TimeProvider clock)
{
    private readonly Remembered<TokenRecord> _byHash = new(database, clock);

    private const string Columns =
        """
        t.id, t.kind, t.name, coalesce(t.organization_id, p.organization_id) AS organization_id,
        coalesce(t.project_id, b.project_id) AS project_id, t.build_id, t.builder_id, t.user_id, u.email AS user_email, t.role, t.reusable, t.allowed_from, t.created_by, t.created_at, t.expires_at,
        t.last_used_at, t.revoked_at, b.finished_at AS build_finished_at, coalesce(b.untrusted, 0) AS build_untrusted, p.deleted_at AS project_deleted_at
        FROM tokens t
        LEFT JOIN builds b ON b.id = t.build_id
        LEFT JOIN projects p ON p.id = coalesce(t.project_id, b.project_id)
        LEFT JOIN users u ON u.id = t.user_id
        """;

    /// <summary>For the call that a token comes with: asked for with every one.</summary>
    public TokenRecord? FindByHash(string hash) => _byHash.Find(hash, wanted => database.Read(connection =>
        connection.QuerySingleOrDefault<TokenRecord>($"SELECT {Columns} WHERE t.hash = @wanted", new { wanted })));

    public TokenRecord? Find(string id) => database.Read(connection =>
        connection.QuerySingleOrDefault<TokenRecord>($"SELECT {Columns} WHERE t.id = @id", new { id }));

    /// <summary>Tokens that people handle; a build's and a builder's own are not among them.</summary>
    public IReadOnlyList<TokenRecord> List() => database.Read(connection => connection.Query<TokenRecord>(
        $"SELECT {Columns} WHERE t.kind IN ('user', 'organization', 'project', 'pull', 'join') ORDER BY t.created_at, t.id").AsList());

    public Task AddAsync(TokenRecord token, string hash, AuditEntry record, CancellationToken cancellation) => database.WriteAsync(
        connection =>
        {
            AuditStore.Append(connection, record);
            return Insert(connection, token, hash);
        },
        cancellation);

    /// <summary>Puts a token beside another one, which goes on until <paramref name="oldEndsAt"/>.</summary>
    public Task RotateAsync(
        TokenRecord old, TokenRecord next, string hash, long oldEndsAt, AuditEntry record, CancellationToken cancellation) => database.WriteRightsAsync(
        connection =>
        {
            connection.Execute(
                "UPDATE tokens SET expires_at = min(coalesce(expires_at, @oldEndsAt), @oldEndsAt) WHERE id = @Id", new { old.Id, oldEndsAt });
            AuditStore.Append(connection, record);
            return Insert(connection, next, hash);
        },
        cancellation);

    /// <summary>For use inside another store's transaction.</summary>
    internal static int Insert(SqliteConnection connection, TokenRecord token, string hash) => connection.ExecutePrepared(
        """
        INSERT INTO tokens (id, hash, kind, name, organization_id, project_id, build_id, builder_id, user_id, role, reusable, allowed_from, created_by, created_at, expires_at)
        VALUES (@Id, @hash, @Kind, @Name, @OrganizationId, @ProjectId, @BuildId, @BuilderId, @UserId, @Role, @Reusable, @AllowedFrom, @CreatedBy, @CreatedAt, @ExpiresAt)
        """,
        ("@Id", token.Id),
        ("@hash", hash),
        ("@Kind", token.Kind),
        ("@Name", token.Name),
        ("@OrganizationId", token.OrganizationId),
        ("@ProjectId", token.ProjectId),
        ("@BuildId", token.BuildId),
        ("@BuilderId", token.BuilderId),
        ("@UserId", token.UserId),
        ("@Role", token.Role),
        ("@Reusable", token.Reusable),
        ("@AllowedFrom", token.AllowedFrom),
        ("@CreatedBy", token.CreatedBy),
        ("@CreatedAt", token.CreatedAt),
        ("@ExpiresAt", token.ExpiresAt));

    public Task<int> RevokeAsync(string id, AuditEntry record, CancellationToken cancellation) => database.WriteAsync(
        "UPDATE tokens SET revoked_at = coalesce(revoked_at, @At) WHERE id = @id", new { id, record.At }, record, cancellation);

    /// <summary>Ends the identity of a builder that was removed.</summary>
    public Task<int> RevokeOfBuilderAsync(string builderId, long now, CancellationToken cancellation) => database.WriteRightsAsync(
        connection => connection.Execute(
            "UPDATE tokens SET revoked_at = coalesce(revoked_at, @now) WHERE builder_id = @builderId", new { builderId, now }),
        cancellation);

    public Task<int> MarkUsedAsync(IReadOnlyList<KeyValuePair<string, long>> uses, CancellationToken cancellation) =>
        database.WriteAsync(
            connection => connection.Execute(
                "UPDATE tokens SET last_used_at = @at WHERE id = @id AND coalesce(last_used_at, 0) < @at",
                uses.Select(use => new { id = use.Key, at = use.Value })),
            cancellation);

    /// <summary>A person's own, for the page that shows them.</summary>
    public IReadOnlyList<TokenRecord> ListOfUser(string userId) => database.Read(connection => connection.Query<TokenRecord>(
        $"SELECT {Columns} WHERE t.user_id = @userId AND t.revoked_at IS NULL ORDER BY t.created_at, t.id", new { userId }).AsList());

    /// <summary>Forgets build and pull tokens that have been dead for a day: a row for every build would only pile up.</summary>
    public Task<int> PurgeAsync(long before, CancellationToken cancellation) => database.WriteAsync(
        "DELETE FROM tokens WHERE kind IN ('build', 'pull') AND expires_at < @before", new { before }, cancellation);
}
