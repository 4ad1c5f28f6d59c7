using Dapper;
using Slipway.Server.Audit;
using Slipway.Server.Builders;
using Slipway.Server.Storage;

namespace Slipway.Server.Projects;

/// <summary>Organizations and their projects.</summary>
internal sealed class ProjectStore(Database database, TimeProvider clock)
{
    private readonly Remembered<Project> _byId = new(database, clock);

    private const string Columns =
        """
        p.id, p.organization_id, p.name, o.name AS organization_name, p.created_at, p.cache_keep_bytes, p.cache_keep_days
        FROM projects p JOIN organizations o ON o.id = p.organization_id
        WHERE p.deleted_at IS NULL
        """;

    public Project? Find(string id) => _byId.Find(id, wanted => database.Read(connection =>
        connection.QuerySingleOrDefault<Project>($"SELECT {Columns} AND p.id = @wanted", new { wanted })));

    public IReadOnlyList<Project> List() => database.Read(connection =>
        connection.Query<Project>($"SELECT {Columns} ORDER BY o.name, p.name, p.id").AsList());

    public Organization? FindOrganization(string id) => database.Read(connection =>
        connection.QuerySingleOrDefault<Organization>("SELECT id, name, created_at FROM organizations WHERE id = @id", new { id }));

    public IReadOnlyList<Organization> ListOrganizations() => database.Read(connection =>
        connection.Query<Organization>("SELECT id, name, created_at FROM organizations ORDER BY created_at, id").AsList());

    public Task AddAsync(Organization organization, AuditEntry record, CancellationToken cancellation) => database.WriteAsync(
        "INSERT INTO organizations (id, name, created_at) VALUES (@Id, @Name, @CreatedAt)", organization, record, cancellation);

    public Task AddAsync(Project project, AuditEntry record, CancellationToken cancellation) => database.WriteAsync(
        """
        INSERT INTO projects (id, organization_id, name, created_at, cache_keep_bytes, cache_keep_days)
        VALUES (@Id, @OrganizationId, @Name, @CreatedAt, @CacheKeepBytes, @CacheKeepDays)
        """,
        project,
        record,
        cancellation);

    public Task UpdateAsync(Project project, AuditEntry record, CancellationToken cancellation) => database.WriteAsync(
        "UPDATE projects SET name = @Name, cache_keep_bytes = @CacheKeepBytes, cache_keep_days = @CacheKeepDays WHERE id = @Id",
        project,
        record,
        cancellation);

    /// <summary>The row stays, for the sake of the builds that point at it; its caches go.</summary>
    /// <returns>Which builder holds which.</returns>
    public Task<IReadOnlyList<(string BuilderId, string ProjectId)>> DeleteAsync(string id, AuditEntry record, CancellationToken cancellation) => database.WriteRightsAsync(
        connection =>
        {
            connection.Execute("UPDATE projects SET deleted_at = @At WHERE id = @id AND deleted_at IS NULL", new { id, record.At });
            AuditStore.Append(connection, record);
            return BuilderStore.AskCacheReset(connection, id);
        },
        cancellation);
}
