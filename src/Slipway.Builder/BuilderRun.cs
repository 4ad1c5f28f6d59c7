using Microsoft.Extensions.Logging;
using Slipway.Builder.Access;
using Slipway.Builder.ControlPlane;
using Slipway.Builder.Listening;
using Slipway.Builder.Records;

namespace Slipway.Builder;

/// <summary>A builder's loops while it serves, and the order in which they end.</summary>
internal sealed class BuilderRun(
    BuilderOptions options, MtlsListener listener, FleetLink link, Reporter reporter, SpoolShelf shelf, LeaseBook leases, BuildWitness witness, LeaseGate gate,
    ILogger log)
{
    private static readonly TimeSpan LastWordsLimit = TimeSpan.FromSeconds(5);

    public async Task RunAsync(CancellationToken drain, CancellationToken halt)
    {
        // Builds end first, then their last records are flushed and sent, then the connection to the server goes.
        using var serving = new CancellationTokenSource();
        using var flushing = new CancellationTokenSource();
        using var reporting = new CancellationTokenSource();
        var listen = listener.RunAsync(serving.Token);
        var idle = leases.StopIdleAsync(serving.Token);
        var flush = shelf.RunAsync(flushing.Token);
        var attach = link.RunAsync(reporting.Token);
        var report = reporter.RunAsync(reporting.Token);
        var failed = Task.WhenAny(listen, idle, flush, attach, report);
        try
        {
            await DrainAsync(failed, drain, halt);
        }
        finally
        {
            leases.Drain();
            await EndAsync(serving, listen, idle);
            await witness.DisposeAsync();
            await EndAsync(flushing, flush);
            await SendLastWordsAsync(halt);
            await EndAsync(reporting, attach, report);
        }

        if (failed.IsCompletedSuccessfully && failed.Result is { IsFaulted: true } fault)
        {
            await fault;
        }
    }

    private static async Task EndAsync(CancellationTokenSource stop, params Task[] loops)
    {
        await stop.CancelAsync();
        try
        {
            await Task.WhenAll(loops);
        }
        catch (Exception e) when (e is OperationCanceledException or BuilderException)
        {
            // Told to end, or reported by the caller.
        }
    }

    /// <summary>Serves until told to drain, then until the last build is over, its time is up, or everything shall end.</summary>
    private async Task DrainAsync(Task failed, CancellationToken drain, CancellationToken halt)
    {
        await Task.WhenAny(failed, WhenCancelled(drain), WhenCancelled(halt));
        if (failed.IsCompleted || halt.IsCancellationRequested)
        {
            return;
        }

        leases.Drain();
        if (IsBusy)
        {
            log.LogInformation("stopping when the running builds are done, in {Limit} at the latest", options.DrainLimit);
        }

        using var limit = new CancellationTokenSource(options.DrainLimit, options.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(halt, limit.Token);
        while (IsBusy && !failed.IsCompleted && !either.IsCancellationRequested)
        {
            await Task.WhenAny(failed, Task.Delay(TimeSpan.FromMilliseconds(100), options.Clock, either.Token));
        }
    }

    private bool IsBusy => gate.Builds.Any() || witness.Running.Any();

    private async Task SendLastWordsAsync(CancellationToken halt)
    {
        using var limit = new CancellationTokenSource(LastWordsLimit, options.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(halt, limit.Token);
        while ((!reporter.IsDone || !leases.AllTold) && link.IsAttached && !either.IsCancellationRequested)
        {
            await Task.WhenAny(Task.Delay(TimeSpan.FromMilliseconds(20), options.Clock, either.Token));
        }
    }

    private static async Task WhenCancelled(CancellationToken cancellation)
    {
        var fired = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = cancellation.Register(fired.SetResult);
        await fired.Task;
    }
}
