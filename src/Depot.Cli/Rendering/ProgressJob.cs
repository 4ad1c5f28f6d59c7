using Slipway.BuildKit.Progress;

namespace Depot.Cli.Rendering;

/// <summary>One line of the terminal's list: a step, a part of it, or a warning.</summary>
internal sealed record ProgressJob
{
    public required string Name { get; init; }

    /// <summary>When it ran, in this machine's time; without any, the line is not shown.</summary>
    public required IReadOnlyList<RunInterval> Intervals { get; init; }

    /// <summary>Sizes, after the name.</summary>
    public string Status { get; init; } = "";

    public bool IsCompleted { get; init; }

    public bool HasFailed { get; init; }

    public bool IsCanceled { get; init; }

    /// <summary>The step, on its own line only.</summary>
    public BuildVertex? Vertex { get; init; }

    /// <summary>The lines of all steps that have started.</summary>
    /// <param name="running">What to say of a part that has not ended.</param>
    public static List<ProgressJob> From(BuildLog log, Func<BuildStatus, string> running)
    {
        List<ProgressJob> jobs = [];
        foreach (var vertex in log.Started)
        {
            jobs.Add(From(vertex, log));
            jobs.AddRange(vertex.Statuses.Select(status => From(status, log, running)));
            jobs.AddRange(vertex.Warnings.Select(warning => new ProgressJob
            {
                Name = Printable($"WARN: {warning.Short.ToStringUtf8()}"),
                Intervals = vertex.IsStarted ? [Shift(vertex.Intervals[^1], log)] : [],
                IsCompleted = true,
                IsCanceled = true,
            }));
        }

        return jobs;
    }

    private static ProgressJob From(BuildVertex vertex, BuildLog log)
    {
        var mark = vertex.Error.Length == 0 ? "" : vertex.IsCanceled ? "CANCELED " : "ERROR ";
        return new ProgressJob
        {
            Name = Printable($"{(vertex.Cached ? "CACHED " : "")}{mark}{vertex.Name}"),
            Intervals = [.. vertex.Intervals.Select(interval => Shift(interval, log))],
            IsCompleted = vertex.RawIntervals.All(interval => interval.Stop is not null),
            HasFailed = vertex.Error.Length > 0 && !vertex.IsCanceled,
            IsCanceled = vertex.Error.Length > 0 && vertex.IsCanceled,
            Vertex = vertex,
        };
    }

    private static ProgressJob From(BuildStatus status, BuildLog log, Func<BuildStatus, string> running)
    {
        var latest = status.Latest;
        var interval = new RunInterval(latest.Started.ToNanoseconds(), latest.Completed?.ToNanoseconds());
        return new ProgressJob
        {
            Name = Printable($"=> {latest.ID}"),
            Intervals = latest.Started is null ? [] : [Shift(interval, log)],
            Status = latest.Completed is null ? running(status) : SizeText.Progress(latest.Current, latest.Total),
            IsCompleted = latest.Completed is not null,
        };
    }

    private static RunInterval Shift(RunInterval interval, BuildLog log) =>
        new(interval.Start + log.ClockDifference, interval.Stop + log.ClockDifference);

    /// <summary>A name comes from the build, so it may not move the cursor.</summary>
    private static string Printable(string name) => string.Create(name.Length, name, static (span, text) =>
    {
        for (var i = 0; i < span.Length; i++)
        {
            span[i] = char.IsControl(text[i]) ? ' ' : text[i];
        }
    });
}
