using Dapper;
using Microsoft.Data.Sqlite;
using Slipway.Contract;
using Slipway.Contract.Tokens;
using Slipway.Server.Storage;

namespace Slipway.Server.Audit;

/// <summary>The audit log: records are appended and read, and nothing else.</summary>
internal sealed class AuditStore(Database database)
{
    // By the record's own names: the chain must be verifiable wherever the columns are read, whatever Dapper was told there.
    private const string Columns =
        """
        sequence, at, actor, actor_id AS ActorId, address, action, outcome, target, organization_id AS OrganizationId,
        project_id AS ProjectId, detail, hash FROM audit
        """;

    private const int TextMax = 1000;

    /// <summary>Appends in the transaction of the change that it tells of: neither is ever there without the other.</summary>
    public static void Append(SqliteConnection connection, AuditEntry entry)
    {
        // AUTOINCREMENT's own counter, so that a record that is cut off leaves a gap behind.
        var (sequence, previous) = (Appended(connection), LastHash(connection));
        var record = Clean(entry) with { Sequence = sequence + 1 };
        record = record with { Hash = AuditChain.Hash(previous, record) };
        connection.Execute(
            """
            INSERT INTO audit (sequence, at, actor, actor_id, address, action, outcome, target, organization_id, project_id, detail, hash)
            VALUES (@Sequence, @At, @Actor, @ActorId, @Address, @Action, @Outcome, @Target, @OrganizationId, @ProjectId, @Detail, @Hash)
            """,
            record);
    }

    public Task AppendAsync(IReadOnlyList<AuditEntry> entries, CancellationToken cancellation) => database.WriteAsync(
        connection =>
        {
            foreach (var entry in entries)
            {
                Append(connection, entry);
            }

            return entries.Count;
        },
        cancellation);

    /// <summary>Newest first.</summary>
    public IReadOnlyList<AuditEntry> List(AuditFilter filter, long before, int count) => database.Read(connection =>
        connection.Query<AuditEntry>(
            $"""
            SELECT {Columns} WHERE sequence < @before AND at >= @Since
                AND (@OrganizationId = '' OR organization_id = @OrganizationId) AND (@ProjectId = '' OR project_id = @ProjectId)
                AND (@Outcome = '' OR outcome = @Outcome) AND (@Action = '' OR substr(action, 1, length(@Action)) = @Action)
                AND (@Actor = '' OR instr(actor, @Actor) > 0 OR actor_id = @Actor)
            ORDER BY sequence DESC LIMIT @count
            """,
            new { before, filter.Since, filter.OrganizationId, filter.ProjectId, filter.Outcome, filter.Action, filter.Actor, count }).AsList());

    /// <summary>A project's refusals, newest first.</summary>
    public IReadOnlyList<AuditEntry> ListRefused(string projectId, long since, int count) => database.Read(connection =>
        connection.Query<AuditEntry>(
            $"SELECT {Columns} WHERE project_id = @projectId AND project_id <> '' AND outcome = 'denied' AND at >= @since ORDER BY sequence DESC LIMIT @count",
            new { projectId, since, count }).AsList());

    /// <summary>What is wrong with the log on this connection; null when it is whole.</summary>
    public static string? Verify(SqliteConnection connection) => AuditChain.Verify(
        connection.Query<AuditEntry>($"SELECT {Columns} ORDER BY sequence", buffered: false), Appended(connection));

    private static long Appended(SqliteConnection connection) =>
        connection.ExecuteScalar<long?>("SELECT seq FROM sqlite_sequence WHERE name = 'audit'") ?? 0;

    private static string LastHash(SqliteConnection connection) =>
        connection.ExecuteScalar<string?>("SELECT hash FROM audit ORDER BY sequence DESC LIMIT 1") ?? AuditChain.Beginning;

    private static AuditEntry Clean(AuditEntry entry) => entry with
    {
        Actor = Clean(entry.Actor),
        ActorId = Clean(entry.ActorId),
        Target = Clean(entry.Target),
        Detail = Clean(entry.Detail),
    };

    private static string Clean(string text) => TokenText.Redact(text.Clip(TextMax));
}

/// <summary>Which records to show; an empty field asks for nothing.</summary>
internal sealed record AuditFilter
{
    public long Since { get; init; }

    public string OrganizationId { get; init; } = "";

    public string ProjectId { get; init; } = "";

    public string Outcome { get; init; } = "";

    /// <summary>The beginning of the action.</summary>
    public string Action { get; init; } = "";

    /// <summary>An id, or a part of the name.</summary>
    public string Actor { get; init; } = "";
}
