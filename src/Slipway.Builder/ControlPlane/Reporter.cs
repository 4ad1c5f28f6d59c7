using Grpc.Core;
using Microsoft.Extensions.Logging;
using Slipway.Builder.Records;
using Slipway.Contract.Fleet.V1;

namespace Slipway.Builder.ControlPlane;

/// <summary>Sends the spools to the server, in order, and again from the last acknowledged record after every broken call.</summary>
internal sealed class Reporter(
    BuilderOptions options, FleetService.FleetServiceClient fleet, SpoolShelf shelf, ILogger<Reporter> log)
{
    private const int BatchRecordsMax = 500;
    private const int BatchBytesMax = 512 * 1024;

    /// <summary>Records of one build under way without an acknowledgement.</summary>
    private const int UnacknowledgedMax = 4 * BatchRecordsMax;

    /// <summary>A server that acknowledges nothing for this long is asked anew on another call.</summary>
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(30);

    public async Task RunAsync(CancellationToken cancellation)
    {
        var backoff = new Backoff(options.Clock);
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await WaitForWorkAsync(cancellation);
                await ReportAsync(backoff, cancellation);
            }
            catch (Exception e) when (e is RpcException or OperationCanceledException)
            {
                if (cancellation.IsCancellationRequested)
                {
                    return;
                }

                log.LogDebug("reporting broke off: {Error}", e.Message);
                await backoff.PauseAsync(cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>True when the server has every durable record.</summary>
    public bool IsDone => shelf.Spools.All(spool => spool.AcknowledgedSequence >= spool.LastSequence);

    private async Task WaitForWorkAsync(CancellationToken cancellation)
    {
        ForgetDone([]);
        while (shelf.Spools.All(spool => spool.AcknowledgedSequence >= spool.DurableSequence))
        {
            await shelf.WaitForDurableAsync(cancellation);
        }
    }

    private async Task ReportAsync(Backoff backoff, CancellationToken cancellation)
    {
        using var connection = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var call = fleet.Report(cancellationToken: connection.Token);
        using var acknowledged = new SemaphoreSlim(0);
        await Duplex.RunAsync(
            ReceiveAsync(call.ResponseStream, acknowledged, backoff, connection.Token),
            SendAsync(call.RequestStream, acknowledged, connection.Token),
            connection);
    }

    private async Task ReceiveAsync(IAsyncStreamReader<RecordAck> acks, SemaphoreSlim acknowledged, Backoff backoff, CancellationToken cancellation)
    {
        while (await acks.MoveNext(cancellation))
        {
            var ack = acks.Current;
            backoff.Reset();
            if (shelf.Find(ack.BuildId, ack.Architecture) is { } spool)
            {
                spool.Acknowledge(ack.Sequence);
                shelf.Settle(spool);
            }

            acknowledged.Release();
        }
    }

    private async Task SendAsync(IClientStreamWriter<RecordBatch> batches, SemaphoreSlim acknowledged, CancellationToken cancellation)
    {
        var sent = new Dictionary<Spool, long>();
        while (true)
        {
            var wrote = false;
            foreach (var spool in shelf.Spools)
            {
                var after = Math.Max(sent.GetValueOrDefault(spool), spool.AcknowledgedSequence);
                var window = (int)Math.Min(BatchRecordsMax, UnacknowledgedMax - (after - spool.AcknowledgedSequence));
                if (window > 0 && spool.Read(after, window, BatchBytesMax) is { Count: > 0 } records)
                {
                    await batches.WriteAsync(
                        new RecordBatch { BuildId = spool.BuildId, Architecture = spool.Architecture, Records = { records } }, cancellation);
                    sent[spool] = records[^1].Sequence;
                    wrote = true;
                }
            }

            ForgetDone(sent);

            if (!wrote)
            {
                await WaitAsync(sent, acknowledged, cancellation);
            }
        }
    }

    /// <summary>A build may end after its last record was acknowledged, so this is not left to acknowledgements.</summary>
    private void ForgetDone(Dictionary<Spool, long> sent)
    {
        foreach (var spool in shelf.Spools)
        {
            shelf.Settle(spool);
        }

        foreach (var gone in sent.Keys.Except(shelf.Spools).ToArray())
        {
            sent.Remove(gone);
        }
    }

    /// <summary>Until there is more to send, or room to send it.</summary>
    private async Task WaitAsync(Dictionary<Spool, long> sent, SemaphoreSlim acknowledged, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var durable = shelf.WaitForDurableAsync(stop.Token);
        var ack = acknowledged.WaitAsync(stop.Token);
        var outstanding = sent.Any(entry => entry.Value > entry.Key.AcknowledgedSequence);
        var silence = Task.Delay(outstanding ? SilenceMax : Timeout.InfiniteTimeSpan, options.Clock, stop.Token);
        var first = await Task.WhenAny(durable, ack, silence);
        await stop.CancelAsync();
        cancellation.ThrowIfCancellationRequested();
        // Losing a wake-up of the two others is harmless: everything is looked at again.
        if (first == silence)
        {
            throw new TimeoutException($"the server acknowledged nothing for {SilenceMax.TotalSeconds:0} s");
        }
    }
}
