namespace Slipway.BuildKit.Progress;

/// <summary>One time that a step ran, in Unix nanoseconds; without a stop it still does.</summary>
public readonly record struct RunInterval(long Start, long? Stop)
{
    public const double NanosecondsPerSecond = 1e9;

    /// <summary>The length in seconds, up to <paramref name="now"/> while the step still runs.</summary>
    public double Seconds(long now) => ToSeconds((Stop ?? now) - Start);

    public static double ToSeconds(long nanoseconds) =>
        (nanoseconds / 1_000_000_000) + (nanoseconds % 1_000_000_000 / NanosecondsPerSecond);

    /// <summary>Joins intervals that overlap or touch, oldest first. One without a stop swallows all that follow it.</summary>
    public static List<RunInterval> Merge(IEnumerable<RunInterval> intervals)
    {
        List<RunInterval> merged = [];
        foreach (var next in intervals.OrderBy(interval => interval.Start))
        {
            if (merged.Count == 0)
            {
                merged.Add(next);
                continue;
            }

            var last = merged[^1];
            if (last.Stop is not { } stop)
            {
                break;
            }

            if (stop < next.Start)
            {
                merged.Add(next);
            }
            else if (next.Stop is null || next.Stop > stop)
            {
                merged[^1] = last with { Stop = next.Stop };
            }
        }

        return merged;
    }
}
