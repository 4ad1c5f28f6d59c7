using System.Collections.Concurrent;
using Depot.Cli.ControlPlane;
using Depot.Cli.Rendering;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Wire.Control;

namespace Depot.Cli.Build;

/// <summary>Notices that a build failed for want of space on its builder. Engines and steps say so in strerror(3)'s words, often only in
/// the log of the step that failed.</summary>
internal sealed class FullDiskWatch(TimeProvider clock)
{
    private const string Words = "no space left on device";

    private static readonly TimeSpan AskWithin = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, byte> _steps = new(StringComparer.Ordinal);

    /// <summary>Passes progress on and listens.</summary>
    public Action<StatusResponse> Before(Action<StatusResponse> show) => status =>
    {
        foreach (var log in status.Logs)
        {
            // C libraries begin it with a capital.
            if (log.Msg.Span.IndexOf("o space left on device"u8) >= 0)
            {
                _steps.TryAdd(log.Vertex, 0);
            }
        }

        show(status);
    };

    /// <summary>What to do, with the limit that was met; null when the failure has another cause.</summary>
    public async Task<string?> RemedyAsync(EngineError error, BuilderLease builder)
    {
        if (!error.Message.Contains(Words, StringComparison.OrdinalIgnoreCase) && !(error.VertexDigest is { } step && _steps.ContainsKey(step)))
        {
            return null;
        }

        var limit = await LimitAsync(builder) is > 0 and var bytes ? $" (limit {SizeText.Format(bytes)})" : "";
        return $"no space left on builder cache{limit}: run \"depot cache reset\", or give the builder a larger disk";
    }

    /// <summary>How large the engine lets its cache grow, by its own account.</summary>
    private async Task<long> LimitAsync(BuilderLease builder)
    {
        using var limit = new CancellationTokenSource(AskWithin, clock);
        try
        {
            var workers = await new ControlClient(builder.Channel).ListWorkersAsync(limit.Token);
            return workers.Record.SelectMany(worker => worker.GCPolicy).Select(policy => policy.MaxUsedSpace).DefaultIfEmpty().Max();
        }
        catch (Exception e) when (e is GrpcStatusException or IOException or OperationCanceledException)
        {
            return 0;
        }
    }
}
