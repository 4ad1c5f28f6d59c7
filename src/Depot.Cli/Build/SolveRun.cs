using Slipway.BuildKit.Control;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Session;
using Slipway.BuildKit.Wire.Control;

namespace Depot.Cli.Build;

/// <summary>One Solve on a builder: its session, its progress, its answer.</summary>
internal sealed class SolveRun(GrpcChannel channel, Action<StatusResponse> show, TimeProvider clock)
{
    /// <summary>After the answer, the progress stream may take this long between two messages until it ends by itself.</summary>
    private static readonly TimeSpan ProgressSilenceMax = TimeSpan.FromSeconds(5);

    /// <summary>Opens the session, sends Solve and follows its progress, all at once: BuildKit waits for a session that is on its way.</summary>
    public async Task<IReadOnlyDictionary<string, string>> RunAsync(
        SolveRequest request, string sharedKey, IReadOnlyList<IAttachable> attachables, CancellationToken cancellation)
    {
        var control = new ControlClient(channel);
        await using var session = await BuildSession.OpenAsync(channel, request.Session, sharedKey, attachables, cancellation);
        using var silence = new CancellationTokenSource(Timeout.InfiniteTimeSpan, clock);
        var solve = control.SolveAsync(request, cancellation);
        var progress = FollowAsync(control, request.Ref, solve, silence);
        try
        {
            return (await solve).ExporterResponse;
        }
        finally
        {
            silence.CancelAfter(cancellation.IsCancellationRequested ? TimeSpan.Zero : ProgressSilenceMax);
            await progress;
        }
    }

    private async Task FollowAsync(ControlClient control, string reference, Task solve, CancellationTokenSource silence)
    {
        try
        {
            await foreach (var status in control.StatusAsync(reference, silence.Token))
            {
                show(status);
                if (solve.IsCompleted)
                {
                    silence.CancelAfter(ProgressSilenceMax);
                }
            }
        }
        catch (Exception problem) when (problem is GrpcStatusException or OperationCanceledException)
        {
            // Solve's own answer is what counts; without its progress a build only looks quieter.
        }
    }
}
