using Dapper;
using Slipway.Server.Storage;

namespace Slipway.Server.Leasing;

/// <summary>Engine runs as the database knows them: what is needed to take them over after a restart.</summary>
internal sealed class LeaseStore(Database database)
{
    /// <remarks>
    /// A scope that is not a project's id has a row beside the projects that nobody sees, for a deleted one: then the previous release, should it come
    /// back, takes the engine for another project's and places no build on it.
    /// </remarks>
    public Task AddAsync(Lease lease, long now, CancellationToken cancellation) => database.WriteAsync(
        """
        INSERT INTO projects (id, organization_id, name, created_at, deleted_at)
            SELECT @ProjectId, organization_id, name, @now, @now FROM projects WHERE id = @Base AND @Base <> @ProjectId
            ON CONFLICT DO NOTHING;
        INSERT INTO leases (id, project_id, architecture, builder_id, server_name, created_at)
        VALUES (@Id, @ProjectId, @Architecture, @BuilderId, @ServerName, @now)
        """,
        new { lease.Id, lease.ProjectId, Base = CacheScope.ProjectOf(lease.ProjectId), lease.Architecture, lease.BuilderId, lease.ServerName, now },
        cancellation);

    public Task EndAsync(string id, long now, CancellationToken cancellation) => database.WriteAsync(
        "UPDATE leases SET ended_at = @now WHERE id = @id AND ended_at IS NULL", new { id, now }, cancellation);

    /// <summary>Keeps the builder's leases that still run there, ends the others, and answers the kept ones.</summary>
    public Task<IReadOnlyList<Lease>> AdoptAsync(
        string builderId, IReadOnlyCollection<string> runningIds, long now, CancellationToken cancellation) =>
        database.WriteAsync<IReadOnlyList<Lease>>(
            connection =>
            {
                connection.Execute(
                    "UPDATE leases SET ended_at = @now WHERE builder_id = @builderId AND ended_at IS NULL AND id NOT IN @runningIds",
                    new { builderId, runningIds, now });
                return connection.Query<(string Id, string ProjectId, string Architecture, string ServerName)>(
                        "SELECT id, project_id, architecture, server_name FROM leases WHERE builder_id = @builderId AND ended_at IS NULL",
                        new { builderId })
                    .Select(row => new Lease
                    {
                        Id = row.Id,
                        ProjectId = row.ProjectId,
                        Architecture = row.Architecture,
                        BuilderId = builderId,
                        ServerName = row.ServerName,
                        StartedAt = now,
                    })
                    .ToList();
            },
            cancellation);
}
