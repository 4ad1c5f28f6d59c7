namespace Depot.Cli.ControlPlane;

/// <summary>Repeats a call while the server is away for a moment: it restarts, a connection broke.</summary>
/// <param name="Total">No new try starts later than this after the first one.</param>
/// <param name="Idempotent">False: repeat only what was never sent.</param>
internal sealed record Retry(TimeSpan Total, bool Idempotent)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(150);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    /// <summary>Opening a build twice would leave one running for nobody.</summary>
    public static Retry Once { get; } = new(TimeSpan.FromSeconds(4), Idempotent: false);

    public static Retry Query { get; } = new(TimeSpan.FromSeconds(4), Idempotent: true);

    /// <summary>A build that runs must outlive a restart of the server.</summary>
    public static Retry WhileBuilding { get; } = new(TimeSpan.FromSeconds(20), Idempotent: true);

    /// <summary>A person takes minutes to answer; the server may restart meanwhile.</summary>
    public static Retry WhileWaiting { get; } = new(TimeSpan.FromMinutes(10), Idempotent: true);

    public async Task<T> RunAsync<T>(Func<Task<T>> call, TimeProvider clock, CancellationToken cancellation)
    {
        var start = clock.GetTimestamp();
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                return await call();
            }
            catch (ApiException problem) when (MayRepeat(problem) && clock.GetElapsedTime(start) + pause < Total)
            {
                // Spread, so that the clients of a restarting server do not return in one instant.
                var jittered = pause * (0.5 + Random.Shared.NextDouble());
                await WaitAsync(jittered, problem, clock, cancellation);
            }
        }
    }

    /// <summary>A wait that is cut short ends with what it waited for: a server that gives a build up cancels it in the same moment.</summary>
    private static async Task WaitAsync(TimeSpan pause, ApiException problem, TimeProvider clock, CancellationToken cancellation)
    {
        try
        {
            await Task.Delay(pause, clock, cancellation);
        }
        catch (OperationCanceledException)
        {
            throw problem;
        }
    }

    private bool MayRepeat(ApiException problem) => problem.IsTransient && (Idempotent || problem.NothingSent);
}
