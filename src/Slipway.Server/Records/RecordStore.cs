using System.Text.Json;
using Dapper;
using Microsoft.Data.Sqlite;
using Slipway.Contract;
using Slipway.Contract.Connect;
using Slipway.Contract.Fleet.V1;
using Slipway.Server.Builds;
using Slipway.Server.Storage;

namespace Slipway.Server.Records;

/// <summary>What builders witnessed: steps, log lines and warnings, each stored once and in order.</summary>
internal sealed class RecordStore(Database database)
{
    private const int PageSize = 1000;

    /// <summary>Stores what is new of the batch; answers the highest sequence number that is now stored.</summary>
    /// <exception cref="ApiException">The batch leaves a gap, or is of a build that this builder was never given.</exception>
    public Task<long> AppendAsync(string builderId, RecordBatch batch, CancellationToken cancellation) => database.WriteAsync(
        connection =>
        {
            if (!BuildStore.IsAdmitted(connection, batch.BuildId, batch.Architecture, builderId))
            {
                throw new ApiException(ConnectCode.PermissionDenied, $"no access to build \"{batch.BuildId}\"", "this builder was not given it");
            }

            return Append(connection, batch);
        },
        cancellation);

    public IReadOnlyList<StepRow> ListSteps(string buildId) => database.Read(connection => connection.Query<StepRow>(
        """
        SELECT architecture, digest, name, cached, started_at, completed_at, error FROM steps
        WHERE build_id = @buildId ORDER BY architecture, sequence
        """,
        new { buildId }).AsList());

    /// <summary>A page of the build's log after a position.</summary>
    /// <param name="step">Of this step alone; null: of all.</param>
    public IReadOnlyList<LogRow> ListLines(string buildId, LogPosition after, int count, StepRow? step = null) => database.Read(connection =>
        connection.Query<LogRow>(
            $"""
            {LinesOfBuild} {OfStep(step)} AND (l.architecture, l.sequence) > (@Architecture, @Sequence)
            ORDER BY l.architecture, l.sequence LIMIT @count
            """,
            Lines(buildId, after, count, step)).AsList());

    /// <summary>All lines of the build's log, read a page at a time: a log may be larger than the memory.</summary>
    public IEnumerable<LogRow> EachLine(string buildId)
    {
        var position = LogPosition.Beginning;
        IReadOnlyList<LogRow> page;
        do
        {
            page = ListLines(buildId, position, PageSize);
            foreach (var line in page)
            {
                position = LogPosition.After(line);
                yield return line;
            }
        }
        while (page.Count == PageSize);
    }

    /// <summary>A page of what one architecture's builder told: while a build runs, others' lines come in between.</summary>
    public IReadOnlyList<LogRow> ListLinesOf(string buildId, string architecture, long after, int count) => database.Read(connection =>
        connection.Query<LogRow>(
            $"{LinesOfBuild} AND l.architecture = @architecture AND l.sequence > @after ORDER BY l.sequence LIMIT @count",
            new { buildId, architecture, after, count }).AsList());

    /// <summary>The last lines of the build, or of a step, in their order.</summary>
    public IReadOnlyList<LogRow> ListLastLines(string buildId, int count, StepRow? step = null) => database.Read(connection =>
        connection.Query<LogRow>(
            $"{LinesOfBuild} {OfStep(step)} ORDER BY l.architecture DESC, l.sequence DESC LIMIT @count",
            Lines(buildId, LogPosition.Beginning, count, step)).Reverse().AsList());

    public IReadOnlyList<WarningRow> ListWarnings(string buildId, int count) => database.Read(connection => connection.Query<WarningRow>(
        "SELECT architecture, level, text, url FROM warnings WHERE build_id = @buildId ORDER BY architecture, sequence LIMIT @count",
        new { buildId, count }).AsList());

    public long LinesDropped(string buildId) => database.Read(connection => connection.ExecuteScalar<long>(
        "SELECT coalesce(sum(lines_dropped), 0) FROM record_cursors WHERE build_id = @buildId", new { buildId }));

    private const string LinesOfBuild =
        """
        SELECT l.architecture, l.sequence, l.step_digest, coalesce(s.name, '') AS step_name, l.at, l.stream, l.line
        FROM log_lines l LEFT JOIN steps s
            ON s.build_id = l.build_id AND s.architecture = l.architecture AND s.digest = l.step_digest
        WHERE l.build_id = @buildId
        """;

    private static string OfStep(StepRow? step) => step is null ? "" : "AND l.architecture = @stepArchitecture AND l.step_digest = @stepDigest";

    private static object Lines(string buildId, LogPosition after, int count, StepRow? step) => new
    {
        buildId, after.Architecture, after.Sequence, count, stepArchitecture = step?.Architecture, stepDigest = step?.Digest,
    };

    private static long Append(SqliteConnection connection, RecordBatch batch)
    {
        var (stored, logBytes, dropped) = connection.QuerySingleOrDefault<(long, long, long)>(
            "SELECT sequence, log_bytes, lines_dropped FROM record_cursors WHERE build_id = @BuildId AND architecture = @Architecture",
            new { batch.BuildId, batch.Architecture });
        using var writer = new RecordWriter(connection, batch.BuildId, batch.Architecture);
        foreach (var record in batch.Records)
        {
            // What was stored before an answer was lost comes again.
            if (record.Sequence <= stored)
            {
                continue;
            }

            if (record.Sequence != stored + 1)
            {
                throw new ApiException(
                    ConnectCode.FailedPrecondition,
                    $"records of build \"{batch.BuildId}\" jump from {stored} to {record.Sequence}",
                    $"send everything after {stored} again");
            }

            stored = record.Sequence;
            if (record.RecordCase == Record.RecordOneofCase.Log && logBytes + record.Log.Line.Length > Limits.LogBytesMax)
            {
                dropped++;
                continue;
            }

            logBytes += record.RecordCase == Record.RecordOneofCase.Log ? record.Log.Line.Length : 0;
            writer.Write(record);
        }

        writer.MoveCursor(stored, logBytes, dropped);
        return stored;
    }
}

/// <summary>One step as it last was.</summary>
internal sealed record StepRow
{
    public required string Architecture { get; init; }

    public required string Digest { get; init; }

    public required string Name { get; init; }

    public bool Cached { get; init; }

    public long? StartedAt { get; init; }

    public long? CompletedAt { get; init; }

    public string Error { get; init; } = "";
}

/// <summary>One line of a step's output.</summary>
internal sealed record LogRow
{
    public required string Architecture { get; init; }

    public long Sequence { get; init; }

    public required string StepDigest { get; init; }

    public required string StepName { get; init; }

    public long At { get; init; }

    public long Stream { get; init; }

    public required byte[] Line { get; init; }
}

/// <summary>What a builder's frontend found questionable.</summary>
internal sealed record WarningRow(string Architecture, long Level, string Text, string Url);

/// <summary>A place in a build's log: what comes after this line.</summary>
internal readonly record struct LogPosition(string Architecture, long Sequence)
{
    public static readonly LogPosition Beginning = new("", 0);

    public static LogPosition After(LogRow line) => new(line.Architecture, line.Sequence);
}

/// <summary>The prepared statements behind <see cref="RecordStore"/>: log lines come by the ten thousand.</summary>
internal sealed class RecordWriter(SqliteConnection connection, string buildId, string architecture) : IDisposable
{
    private SqliteCommand? _line;

    public void Write(Record record)
    {
        switch (record.RecordCase)
        {
            case Record.RecordOneofCase.Step:
                WriteStep(record.Sequence, record.Step);
                break;
            case Record.RecordOneofCase.Log:
                WriteLine(record.Sequence, record.Log);
                break;
            case Record.RecordOneofCase.Warning:
                WriteWarning(record.Sequence, record.Warning);
                break;
            case Record.RecordOneofCase.None:
            default:
                // A newer builder's kind of record: its number counts, its content is not understood.
                break;
        }
    }

    public void MoveCursor(long sequence, long logBytes, long dropped) => connection.Execute(
        """
        INSERT INTO record_cursors (build_id, architecture, sequence, log_bytes, lines_dropped)
        VALUES (@buildId, @architecture, @sequence, @logBytes, @dropped)
        ON CONFLICT (build_id, architecture) DO UPDATE SET
            sequence = excluded.sequence, log_bytes = excluded.log_bytes, lines_dropped = excluded.lines_dropped
        """,
        new { buildId, architecture, sequence, logBytes, dropped });

    public void Dispose() => _line?.Dispose();

    private void WriteStep(long sequence, StepRecord step) => connection.Execute(
        """
        INSERT INTO steps (build_id, architecture, digest, sequence, name, cached, started_at, completed_at, error, inputs)
        VALUES (@buildId, @architecture, @Digest, @sequence, @Name, @Cached, @started, @completed, @Error, @inputs)
        ON CONFLICT (build_id, architecture, digest) DO UPDATE SET
            name = excluded.name, cached = excluded.cached, started_at = excluded.started_at,
            completed_at = excluded.completed_at, error = excluded.error, inputs = excluded.inputs
        """,
        new
        {
            buildId,
            architecture,
            step.Digest,
            sequence,
            step.Name,
            step.Cached,
            started = step.StartedAt.FromWire(),
            completed = step.CompletedAt.FromWire(),
            step.Error,
            inputs = JsonSerializer.Serialize(step.Inputs),
        });

    private void WriteLine(long sequence, LogRecord log)
    {
        var insert = _line ??= PrepareLine();
        insert.Parameters["$sequence"].Value = sequence;
        insert.Parameters["$digest"].Value = log.StepDigest;
        insert.Parameters["$at"].Value = log.At.FromWire() ?? 0;
        insert.Parameters["$stream"].Value = log.Stream;
        insert.Parameters["$line"].Value = log.Line.ToByteArray();
        insert.ExecuteNonQuery();
    }

    private SqliteCommand PrepareLine()
    {
        var insert = connection.CreateCommand();
        insert.CommandText =
            """
            INSERT INTO log_lines (build_id, architecture, sequence, step_digest, at, stream, line)
            VALUES ($build, $architecture, $sequence, $digest, $at, $stream, $line)
            """;
        insert.Parameters.AddWithValue("$build", buildId);
        insert.Parameters.AddWithValue("$architecture", architecture);
        insert.Parameters.Add("$sequence", SqliteType.Integer);
        insert.Parameters.Add("$digest", SqliteType.Text);
        insert.Parameters.Add("$at", SqliteType.Integer);
        insert.Parameters.Add("$stream", SqliteType.Integer);
        insert.Parameters.Add("$line", SqliteType.Blob);
        insert.Prepare();
        return insert;
    }

    private void WriteWarning(long sequence, WarningRecord warning) => connection.Execute(
        """
        INSERT INTO warnings (build_id, architecture, sequence, step_digest, level, text, detail, url)
        VALUES (@buildId, @architecture, @sequence, @StepDigest, @Level, @Text, @detail, @Url)
        """,
        new
        {
            buildId,
            architecture,
            sequence,
            warning.StepDigest,
            warning.Level,
            warning.Text,
            detail = JsonSerializer.Serialize(warning.Detail),
            warning.Url,
        });
}
