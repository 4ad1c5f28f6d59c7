namespace Slipway.Builder.ControlPlane;

/// <summary>Pauses between attempts: each random between the least and a bound that doubles (full jitter), so that many builders
/// do not come back to a restarted server in step.</summary>
internal sealed class Backoff(TimeProvider clock)
{
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(10);

    private int _attempts;

    public void Reset() => _attempts = 0;

    public Task PauseAsync(CancellationToken cancellation)
    {
        var bound = Math.Min(Most.TotalMilliseconds, Least.TotalMilliseconds * (1 << Math.Min(++_attempts, 10)));
        var pause = Least.TotalMilliseconds + (Random.Shared.NextDouble() * (bound - Least.TotalMilliseconds));
        return Task.Delay(TimeSpan.FromMilliseconds(pause), clock, cancellation);
    }
}
