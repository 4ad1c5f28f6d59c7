using System.Text.Json;
using Dapper;
using Microsoft.Data.Sqlite;
using Slipway.Server.Audit;
using Slipway.Server.Storage;

namespace Slipway.Server.Trust;

/// <summary>Trust relationships, and which CI tokens opened builds.</summary>
internal sealed class TrustStore(Database database, TimeProvider clock)
{
    private readonly Remembered<IReadOnlyList<TrustPolicy>> _byIssuer = new(database, clock);

    private const string Columns =
        """
        t.id, t.project_id, p.organization_id, t.provider, t.issuer, t.conditions, t.pins, t.depot_audience, t.single_use, t.tier, t.allowed_from, t.created_by, t.created_at, t.last_used_at
        FROM trust_policies t JOIN projects p ON p.id = t.project_id
        WHERE t.removed_at IS NULL AND p.deleted_at IS NULL
        """;

    public TrustPolicy? Find(string id) => database.Read(connection =>
        connection.QuerySingleOrDefault<TrustPolicy>($"SELECT {Columns} AND t.id = @id", new { id }));

    public IReadOnlyList<TrustPolicy> ListOfProject(string projectId) => database.Read(connection =>
        connection.Query<TrustPolicy>($"SELECT {Columns} AND t.project_id = @projectId ORDER BY t.created_at, t.id", new { projectId }).AsList());

    /// <summary>Oldest first: that is the order in which they are tried.</summary>
    public IReadOnlyList<TrustPolicy> ListOfIssuer(string issuer) => _byIssuer.Find(issuer, ReadOfIssuer) ?? [];

    // Null for an issuer that nobody trusts, which is not remembered: a stranger's made-up ones would fill the memory.
    private List<TrustPolicy>? ReadOfIssuer(string issuer) => database.Read(connection =>
        connection.Query<TrustPolicy>($"SELECT {Columns} AND t.issuer = @issuer ORDER BY t.created_at, t.id", new { issuer }).AsList())
        is { Count: > 0 } policies ? policies : null;

    public Task AddAsync(TrustPolicy policy, AuditEntry record, CancellationToken cancellation) => database.WriteAsync(
        """
        INSERT INTO trust_policies (id, project_id, provider, issuer, conditions, depot_audience, single_use, tier, allowed_from, created_by, created_at)
        VALUES (@Id, @ProjectId, @Provider, @Issuer, @Conditions, @DepotAudience, @SingleUse, @Tier, @AllowedFrom, @CreatedBy, @CreatedAt)
        """,
        policy,
        record,
        cancellation);

    public Task RemoveAsync(string id, AuditEntry record, CancellationToken cancellation) => database.WriteAsync(
        "UPDATE trust_policies SET removed_at = @At WHERE id = @id AND removed_at IS NULL", new { id, record.At }, record, cancellation);

    /// <summary>Keeps the ids that a relationship's first token carried.</summary>
    public Task PinAsync(string id, IReadOnlyDictionary<string, string> pins, AuditEntry record, CancellationToken cancellation) =>
        database.WriteRightsAsync(
            connection =>
            {
                var written = connection.Execute(
                    "UPDATE trust_policies SET pins = @pins WHERE id = @id AND pins = '{}'",
                    new { id, pins = JsonSerializer.Serialize(pins) });
                if (written == 1)
                {
                    AuditStore.Append(connection, record);
                }

                return written;
            },
            cancellation);

    /// <summary>Counts a build on a CI token, in the build's own transaction.</summary>
    /// <returns>How many builds it has opened now, and for which project it counts.</returns>
    internal static (long Builds, string ProjectId) Use(SqliteConnection connection, OidcPrincipal job, string projectId, long now)
    {
        var use = connection.QuerySingle<(long, string)>(
            """
            INSERT INTO oidc_uses (issuer, token, project_id, builds, expires_at) VALUES (@Issuer, @Token, @projectId, 1, @ExpiresAt)
            ON CONFLICT (issuer, token) DO UPDATE SET builds = builds + 1
            RETURNING builds, project_id
            """,
            new { job.Issuer, Token = job.TokenId, projectId, job.ExpiresAt });
        connection.Execute(
            "UPDATE trust_policies SET last_used_at = @now WHERE id = @id AND coalesce(last_used_at, 0) < @now - 60000",
            new { now, id = job.PolicyOf(projectId)!.Id });
        return use;
    }

    /// <summary>Forgets tokens that have expired: nobody can use them again.</summary>
    public Task PurgeAsync(long before, CancellationToken cancellation) => database.WriteAsync(
        "DELETE FROM oidc_uses WHERE expires_at < @before", new { before }, cancellation);
}
