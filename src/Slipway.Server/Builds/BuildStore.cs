using Dapper;
using Microsoft.Data.Sqlite;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;

namespace Slipway.Server.Builds;

/// <summary>Builds and their stays on engines.</summary>
internal sealed class BuildStore(Database database)
{
    private const string Fields =
        """
        b.id, b.project_id, p.organization_id, p.name AS project_name, b.status, b.reason, b.ended_by, b.tags, b.started_by, b.origin, b.untrusted,
        b.saved, b.created_at, b.finished_at
        """;

    private const string Columns = $"{Fields} FROM builds b JOIN projects p ON p.id = b.project_id";

    /// <summary>
    /// Of each project its newest builds by the index, and of these the newest: what an organization with a million builds and five hundred
    /// projects costs is five hundred short walks, in one query. The cross join is SQLite's way to be told the order.
    /// </summary>
    private const string Newest =
        $"""
        {Fields} FROM projects p CROSS JOIN builds b ON b.id IN (
            SELECT c.id FROM builds c
            WHERE c.project_id = p.id AND (c.created_at, c.id) < (@createdAt, @id) AND c.created_at >= @Since
                AND (@Status = 0 OR c.status = @Status) AND (@By = '' OR instr(lower(c.started_by), lower(@By)) > 0)
            ORDER BY c.created_at DESC, c.id DESC LIMIT @count)
        """;

    private const string AdmissionColumns =
        "build_id, architecture, lease_id, builder_id, admitted_at, connected_at, outcome, error, ended_at FROM admissions";

    public Build? Find(string id) => database.Read(connection =>
        connection.QuerySingleOrDefault<Build>($"SELECT {Columns} WHERE b.id = @id", new { id }));

    /// <summary>Newest first; <paramref name="before"/> is the last build of the page before.</summary>
    public IReadOnlyList<Build> List(BuildFilter filter, (long CreatedAt, string Id)? before, int count) => database.Read(connection =>
        connection.Query<Build>(
            ListSql(filter),
            new { filter.Scope, filter.Status, filter.By, filter.Since, createdAt = before?.CreatedAt ?? long.MaxValue, id = before?.Id ?? "", count }).AsList());

    internal static string ListSql(BuildFilter filter) =>
        $"SELECT {Newest} WHERE {(filter.IsOfProject ? "p.id = @Scope" : "p.organization_id = @Scope AND p.deleted_at IS NULL")} ORDER BY b.created_at DESC, b.id DESC LIMIT @count";

    /// <summary>Builds of the project that saved something, newest first.</summary>
    public IReadOnlyList<Build> ListSaved(string projectId) => database.Read(connection => connection.Query<Build>(
        $"SELECT {Columns} WHERE b.project_id = @projectId AND b.saved IS NOT NULL ORDER BY b.created_at DESC, b.id DESC", new { projectId }).AsList());

    public long CountRunning() => database.Read(connection => connection.ExecuteScalar<long>("SELECT count(*) FROM builds WHERE status = 1"));

    /// <summary>Running builds whose end may have to be told by the server: those on a builder, and those that have waited for one since before <paramref name="openedBefore"/>.</summary>
    public IReadOnlyList<Build> ListToJudge(long openedBefore) => database.Read(connection => connection.Query<Build>(
        $"""
        SELECT {Columns} WHERE b.status = 1
            AND (b.created_at < @openedBefore OR EXISTS (SELECT 1 FROM admissions a WHERE a.build_id = b.id))
        """,
        new { openedBefore }).AsList());

    public IReadOnlyList<Admission> ListAdmissions(string buildId) => database.Read(connection =>
        connection.Query<Admission>($"SELECT {AdmissionColumns} WHERE build_id = @buildId", new { buildId }).AsList());

    public IReadOnlyList<Admission> ListAdmissionsOfRunning() => database.Read(connection =>
        connection.Query<Admission>(
            $"SELECT {AdmissionColumns} WHERE build_id IN (SELECT id FROM builds WHERE status = 1)").AsList());

    /// <summary>Builds that a builder let in and that ended while their certificates may still be good.</summary>
    public IReadOnlyList<string> ListEndedSince(string builderId, long since) => database.Read(connection => connection.Query<string>(
        """
        SELECT DISTINCT b.id FROM builds b JOIN admissions a ON a.build_id = b.id
        WHERE a.builder_id = @builderId AND b.status <> 1 AND b.created_at > @since ORDER BY b.finished_at DESC LIMIT 2000
        """,
        new { builderId, since }).AsList());

    /// <summary>Opens a build together with its token: neither is ever there without the other.</summary>
    /// <param name="alongside">What else the opening changes; what it throws undoes the build.</param>
    public Task AddAsync(
        Build build, TokenRecord token, string tokenHash, Action<SqliteConnection>? alongside, CancellationToken cancellation) => database.WriteAsync(
        connection =>
        {
            alongside?.Invoke(connection);
            connection.ExecutePrepared(
                """
                INSERT INTO builds (id, project_id, status, tags, started_by, origin, untrusted, saved, created_at)
                VALUES (@Id, @ProjectId, @Status, @Tags, @StartedBy, @Origin, @Untrusted, @Saved, @CreatedAt)
                """,
                ("@Id", build.Id),
                ("@ProjectId", build.ProjectId),
                ("@Status", build.Status),
                ("@Tags", build.Tags),
                ("@StartedBy", build.StartedBy),
                ("@Origin", build.Origin),
                ("@Untrusted", build.Untrusted),
                ("@Saved", build.Saved),
                ("@CreatedAt", build.CreatedAt));
            return TokenStore.Insert(connection, token, tokenHash);
        },
        cancellation);

    /// <summary>Ends a running build; false when it had ended before, and then nothing changes.</summary>
    public async Task<bool> EndAsync(string id, BuildEnd end, long now, CancellationToken cancellation) => await database.WriteAsync(
        """
        UPDATE builds SET status = @Status, reason = @Reason, ended_by = @EndedBy, finished_at = max(@now, created_at)
        WHERE id = @id AND status = 1
        """,
        new { id, end.Status, end.Reason, end.EndedBy, now },
        cancellation) == 1;

    /// <summary>Records that a builder lets the build in. A build that comes again to another engine starts over there.</summary>
    public Task AdmitAsync(Admission admission, CancellationToken cancellation) => database.WriteAsync(
        """
        INSERT INTO admissions (build_id, architecture, lease_id, builder_id, admitted_at)
        VALUES (@BuildId, @Architecture, @LeaseId, @BuilderId, @AdmittedAt)
        ON CONFLICT (build_id, architecture) DO UPDATE SET
            connected_at = iif(lease_id = excluded.lease_id, connected_at, NULL),
            outcome = iif(lease_id = excluded.lease_id, outcome, NULL),
            lease_id = excluded.lease_id, builder_id = excluded.builder_id, admitted_at = excluded.admitted_at
        """,
        admission,
        cancellation);

    /// <summary>The build's client is there, maybe again after it had gone.</summary>
    public Task ConnectAsync(string buildId, string leaseId, string builderId, long now, CancellationToken cancellation) =>
        database.WriteAsync(
            """
            UPDATE admissions SET connected_at = coalesce(connected_at, @now), outcome = NULL, ended_at = NULL, error = ''
            WHERE build_id = @buildId AND lease_id = @leaseId AND builder_id = @builderId
            """,
            new { buildId, leaseId, builderId, now },
            cancellation);

    /// <summary>What the builder saw of the build's end.</summary>
    public Task WitnessEndAsync(Admission seen, long lastSequence, CancellationToken cancellation) => database.WriteAsync(
        """
        UPDATE admissions SET outcome = @Outcome, error = @Error, ended_at = @EndedAt, last_sequence = @lastSequence
        WHERE build_id = @BuildId AND lease_id = @LeaseId AND builder_id = @BuilderId
        """,
        new { seen.Outcome, seen.Error, seen.EndedAt, lastSequence, seen.BuildId, seen.LeaseId, seen.BuilderId },
        cancellation);

    /// <summary>For another store's transaction: whether this builder was given this build.</summary>
    internal static bool IsAdmitted(SqliteConnection connection, string buildId, string architecture, string builderId) =>
        connection.ExecuteScalar<long>(
            "SELECT count(*) FROM admissions WHERE build_id = @buildId AND architecture = @architecture AND builder_id = @builderId",
            new { buildId, architecture, builderId }) > 0;
}
