using Slipway.BuildKit.Progress;

namespace Depot.Cli.Rendering;

/// <summary>Decides which of several running steps plain output shows next, as docker does.</summary>
internal sealed class StepTurn(TimeProvider clock)
{
    /// <summary>A step keeps its turn for at least this long, and longer the more of the output is its own.</summary>
    private const double KeepSeconds = 5;

    /// <summary>No step waits longer than this to be shown.</summary>
    private static readonly TimeSpan s_waitMax = TimeSpan.FromSeconds(10);

    /// <summary>The step to show, or null to stay where it is.</summary>
    public BuildVertex? Next(IReadOnlyList<BuildVertex> running, BuildVertex? current, bool currentEnded)
    {
        var now = clock.GetTimestamp();
        BuildVertex? busiest = null;
        BuildVertex? overdue = null;
        double busiestSpeed = 0, currentSpeed = 0, sum = 0;
        foreach (var vertex in running)
        {
            var waited = clock.GetElapsedTime(vertex.UnshownSince, now);
            var speed = vertex.UnshownUpdates / waited.TotalSeconds;
            var late = waited > s_waitMax && vertex != current;
            if (late || busiest is null || busiestSpeed < speed)
            {
                (busiest, busiestSpeed) = (vertex, speed);
            }

            overdue ??= late ? vertex : null;
            currentSpeed = vertex == current ? speed : currentSpeed;
            sum += speed;
        }

        if (current is null || currentEnded)
        {
            return busiest;
        }

        var share = currentSpeed / sum;
        var keptEnough = 1 / (1 - share) * KeepSeconds < clock.GetElapsedTime(current.UnshownSince, now).TotalSeconds;
        return overdue ?? (keptEnough ? busiest : null);
    }
}
