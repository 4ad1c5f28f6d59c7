using Dapper;
using Microsoft.Data.Sqlite;
using Slipway.Server.Audit;
using Slipway.Server.Leasing;
using Slipway.Server.Storage;

namespace Slipway.Server.Builders;

/// <summary>Enrolled machines and the caches that they hold.</summary>
internal sealed class BuilderStore(Database database)
{
    private const string Columns =
        "id, name, created_at, draining, version, architectures, engine_kind, engine_version, address, last_seen_at "
        + "FROM builders WHERE removed_at IS NULL";

    public Builder? Find(string id) => database.Read(connection =>
        connection.QuerySingleOrDefault<Builder>($"SELECT {Columns} AND id = @id", new { id }));

    public IReadOnlyList<Builder> List() => database.Read(connection =>
        connection.Query<Builder>($"SELECT {Columns} ORDER BY name, id").AsList());

    /// <summary>Spends the join token and adds the machine; false when the token was spent meanwhile.</summary>
    public Task<bool> EnrollAsync(Builder builder, string joinTokenId, AuditEntry record, CancellationToken cancellation) =>
        database.WriteRightsAsync(
            connection =>
            {
                var spent = connection.Execute(
                    "UPDATE tokens SET revoked_at = iif(reusable, NULL, @CreatedAt) WHERE id = @joinTokenId AND revoked_at IS NULL",
                    new { builder.CreatedAt, joinTokenId });
                if (spent == 0)
                {
                    return false;
                }

                connection.Execute("INSERT INTO builders (id, name, created_at) VALUES (@Id, @Name, @CreatedAt)", builder);
                AuditStore.Append(connection, record);
                return true;
            },
            cancellation);

    /// <summary>Takes over what the builder says of itself, and which caches it holds.</summary>
    public Task AttachAsync(
        Builder builder, IReadOnlyCollection<(string ProjectId, string Architecture)> caches, CancellationToken cancellation) =>
        database.WriteAsync(
            connection =>
            {
                connection.Execute(
                    """
                    UPDATE builders SET version = @Version, architectures = @Architectures, engine_kind = @EngineKind,
                        engine_version = @EngineVersion, address = @Address, last_seen_at = @LastSeenAt
                    WHERE id = @Id
                    """,
                    builder);
                connection.Execute("DELETE FROM caches WHERE builder_id = @Id AND NOT reset_pending", builder);
                return connection.Execute(
                    "INSERT INTO caches (builder_id, project_id, architecture) VALUES (@Id, @ProjectId, @Architecture) ON CONFLICT DO NOTHING",
                    caches.Select(cache => new { builder.Id, cache.ProjectId, cache.Architecture }));
            },
            cancellation);

    public Task HoldCacheAsync(string builderId, string projectId, string architecture, CancellationToken cancellation) =>
        database.WriteAsync(
            "INSERT INTO caches (builder_id, project_id, architecture) VALUES (@builderId, @projectId, @architecture) ON CONFLICT DO NOTHING",
            new { builderId, projectId, architecture },
            cancellation);

    public Task MarkSeenAsync(IReadOnlyCollection<string> ids, long now, CancellationToken cancellation) => database.WriteAsync(
        connection => connection.Execute("UPDATE builders SET last_seen_at = @now WHERE id IN @ids", new { ids, now }), cancellation);

    public Task SetDrainingAsync(string id, bool draining, AuditEntry record, CancellationToken cancellation) => database.WriteAsync(
        "UPDATE builders SET draining = @draining WHERE id = @id", new { id, draining }, record, cancellation);

    public Task RemoveAsync(string id, AuditEntry record, CancellationToken cancellation) => database.WriteAsync(
        "UPDATE builders SET removed_at = @At WHERE id = @id AND removed_at IS NULL", new { id, record.At }, record, cancellation);

    /// <summary>Notes that the project's caches are to go; answers which builders have one.</summary>
    public Task<IReadOnlyList<(string BuilderId, string ProjectId)>> AskCacheResetAsync(string projectId, AuditEntry record, CancellationToken cancellation) =>
        database.WriteAsync(
            connection =>
            {
                AuditStore.Append(connection, record);
                return AskCacheReset(connection, projectId);
            },
            cancellation);

    /// <summary>For use inside another store's transaction.</summary>
    internal static IReadOnlyList<(string BuilderId, string ProjectId)> AskCacheReset(SqliteConnection connection, string projectId)
    {
        var scopes = CacheScope.AllOf(projectId);
        connection.Execute("UPDATE caches SET reset_pending = 1 WHERE project_id IN @scopes", new { scopes });
        return connection.Query<(string, string)>(
            """
            SELECT DISTINCT c.builder_id, c.project_id FROM caches c JOIN builders b ON b.id = c.builder_id
            WHERE c.project_id IN @scopes AND b.removed_at IS NULL
            """,
            new { scopes }).AsList();
    }

    /// <summary>Which builder holds which cache of the project.</summary>
    public IReadOnlyList<ProjectCache> CachesOf(string projectId) => database.Read(connection => connection.Query<ProjectCache>(
        """
        SELECT c.project_id AS scope, c.architecture, c.reset_pending, b.id AS builder_id, b.name AS builder_name, b.last_seen_at
        FROM caches c JOIN builders b ON b.id = c.builder_id
        WHERE c.project_id IN @scopes AND b.removed_at IS NULL ORDER BY c.architecture, c.project_id, b.name
        """,
        new { scopes = CacheScope.AllOf(projectId) }).AsList());

    /// <summary>How many caches each builder holds.</summary>
    public IReadOnlyDictionary<string, long> CountCaches() => database.Read(connection => connection.Query<(string BuilderId, long Count)>(
        "SELECT builder_id, count(*) FROM caches GROUP BY builder_id").ToDictionary(row => row.BuilderId, row => row.Count, StringComparer.Ordinal));

    public IReadOnlyList<string> PendingCacheResets(string builderId) => database.Read(connection => connection.Query<string>(
        "SELECT DISTINCT project_id FROM caches WHERE builder_id = @builderId AND reset_pending", new { builderId }).AsList());

    public Task ForgetCacheAsync(string builderId, string projectId, CancellationToken cancellation) => database.WriteAsync(
        "DELETE FROM caches WHERE builder_id = @builderId AND project_id = @projectId", new { builderId, projectId }, cancellation);
}
