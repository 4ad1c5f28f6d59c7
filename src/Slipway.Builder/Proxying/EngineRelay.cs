using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;

namespace Slipway.Builder.Proxying;

/// <summary>Passes HTTP/2 frames between one client connection and one engine connection, and knows every call on it.</summary>
/// <remarks>
/// Two lanes run, one per direction, each reading one peer and writing the other; all state is under one lock, which a lane
/// holds while it goes through what it has just read, never while it reads or writes. DATA, WINDOW_UPDATE and PING pass in place,
/// with at most the stream's number changed. Header blocks are decoded and encoded anew. See <see cref="ConnectionCredit"/> for how
/// flow control stays exact where the relay takes bytes out or puts bytes in.
/// </remarks>
internal sealed class EngineRelay : IDisposable
{
    private readonly Lock _gate = new();
    private readonly BuildScope _scope;
    private readonly FrameSink _toClient;
    private readonly FrameSink _toEngine;
    private readonly RelayExchange _exchange;
    private readonly ClientFrames _clientFrames;
    private readonly EngineFrames _engineFrames;
    private readonly FrameLane _up;
    private readonly FrameLane _down;
    private readonly CancellationTokenSource _ending = new();
    private RelayEnd? _end;

    private EngineRelay(Stream client, Stream engine, BuildScope scope, MethodPolicy policy)
    {
        _scope = scope;
        _toClient = new FrameSink(client, _gate);
        _toEngine = new FrameSink(engine, _gate);
        _exchange = new RelayExchange(_toClient, _toEngine, scope, policy, _gate);
        _clientFrames = new ClientFrames(_exchange, _toEngine, new FloodGuard(scope.Clock));
        _engineFrames = new EngineFrames(_exchange, _toClient);
        _up = new FrameLane(client, _toEngine, _clientFrames, expectsPreface: true);
        _down = new FrameLane(engine, _toClient, _engineFrames, expectsPreface: false);
        _toEngine.Feeder = _up;
        _toClient.Feeder = _down;
        _toEngine.Refill = _exchange.SendWaitingToEngine;
        _toClient.Refill = _exchange.SendWaitingToClient;
        _toClient.Failed = e => End(RelayOutcome.ClientReset, e.Message);
        _toEngine.Failed = e => End(RelayOutcome.EngineClosedEarly, e.Message);
    }

    /// <summary>Relays until a side leaves, the admission is revoked, or <paramref name="stopping"/> fires. The streams stay the
    /// caller's; nothing uses them any more when this returns.</summary>
    public static async Task<RelayEnd> RunAsync(
        Stream client, Stream engine, BuildScope scope, MethodPolicy policy, CancellationToken stopping)
    {
        using var relay = new EngineRelay(client, engine, scope, policy);
        return await relay.RunAsync(stopping);
    }

    /// <summary>Tells a client that has just connected why there is nothing to connect it to.</summary>
    public static async Task ApologizeAsync(Stream client, string reason, CancellationToken cancellation)
    {
        using var output = new ByteBuffer();
        FrameWriter.Settings(output, []);
        FrameWriter.GoAway(output, 0, Http2ErrorCode.NoError, reason);
        await client.WriteAsync(output.Memory, cancellation);
        await client.FlushAsync(cancellation);
    }

    public void Dispose()
    {
        _up.Dispose();
        _down.Dispose();
        _clientFrames.Dispose();
        _engineFrames.Dispose();
        _toClient.Dispose();
        _toEngine.Dispose();
        _ending.Dispose();
    }

    private async Task<RelayEnd> RunAsync(CancellationToken stopping)
    {
        using var onStop = stopping.UnsafeRegister(_ => End(RelayOutcome.Stopped, "the builder is stopping"), null);
        using var onRevoke = _scope.Admission.Revoked.UnsafeRegister(
            _ => End(RelayOutcome.Revoked, "the build's admission ended"), null);
        using var preface = new CancellationTokenSource(RelayLimits.PrefaceTimeout, _scope.Clock);
        using var onSilence = preface.Token.UnsafeRegister(_ => EndIfSilent(), null);

        var up = PumpAsync(_up, _exchange.Up, _toEngine, _toClient, FromClient);
        var down = PumpAsync(_down, _exchange.Down, _toClient, _toEngine, FromEngine);
        await Task.WhenAny(up, down);
        await _ending.CancelAsync();

        var end = _end!;
        await _toEngine.CloseAsync();
        await SayFarewellAsync(end);
        await _toClient.CloseAsync();
        await Task.WhenAll(up, down);
        await _exchange.AnswersEndedAsync();
        return end;
    }

    /// <summary>One direction, until it ends for whatever reason, which <see cref="_end"/> then holds.</summary>
    private async Task PumpAsync(
        FrameLane lane, ConnectionCredit credit, FrameSink sink, FrameSink backSink, Func<Exception?, (RelayOutcome, string)> explain)
    {
        Task<int>? read = null;
        try
        {
            while (true)
            {
                read = lane.Gather(_ending.Token);
                if (lane.HasUnread)
                {
                    await PassAsync(lane, credit, sink, backSink);
                }

                if (read is null)
                {
                    lane.Compact();
                    continue;
                }

                var count = await read;
                if (count == 0)
                {
                    break;
                }

                lane.Received(count);
            }

            End(explain(null));
        }
        catch (OperationCanceledException) when (_ending.IsCancellationRequested)
        {
        }
        catch (Exception e)
        {
            End(explain(e));
        }
        finally
        {
            await SettleAsync(read);
        }
    }

    private async ValueTask PassAsync(FrameLane lane, ConnectionCredit credit, FrameSink sink, FrameSink backSink)
    {
        FrameSink.Turn turn;
        Task? room;
        lock (_gate)
        {
            turn = lane.Process();
            room = credit.Room();
        }

        backSink.Kick();
        if (turn.Writes)
        {
            await sink.WriteAsync(turn.Lent);
        }

        await sink.DrainedAsync(RelayLimits.UnsentBytesMax, _ending.Token);
        await backSink.DrainedAsync(RelayLimits.UnsentBytesMax, _ending.Token);
        if (room is not null)
        {
            await room.WaitAsync(_ending.Token);
        }
    }

    /// <summary>The read under way still owns a part of the lane's buffer.</summary>
    private async Task SettleAsync(Task<int>? read)
    {
        await _ending.CancelAsync();
        try
        {
            await (read ?? Task.FromResult(0));
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException or InvalidOperationException)
        {
        }
    }

    private (RelayOutcome, string) FromClient(Exception? e) => e switch
    {
        Http2Exception => (RelayOutcome.ClientMisbehaved, e.Message),
        _ when e is null && _exchange.OpenCalls == 0 => (RelayOutcome.ClientClosed, "the client closed the connection"),
        _ => (RelayOutcome.ClientReset, e?.Message ?? "the client closed the connection with calls open"),
    };

    private (RelayOutcome, string) FromEngine(Exception? e) => e switch
    {
        Http2Exception => (RelayOutcome.EngineMisbehaved, e.Message),
        _ when _exchange.EngineLeaves => (RelayOutcome.EngineClosed, "the engine said goodbye and closed the connection"),
        _ => (RelayOutcome.EngineClosedEarly, e?.Message ?? "the engine closed the connection"),
    };

    private void EndIfSilent()
    {
        if (!_up.Begun)
        {
            End(RelayOutcome.ClientSilent, "the client did not speak HTTP/2 in time");
        }
    }

    private void End((RelayOutcome Outcome, string Detail) how) => End(how.Outcome, how.Detail);

    private void End(RelayOutcome outcome, string detail)
    {
        Interlocked.CompareExchange(ref _end, new RelayEnd(outcome, detail), null);
        _ending.Cancel();
    }

    private async Task SayFarewellAsync(RelayEnd end)
    {
        var reason = ReasonFor(end);
        lock (_gate)
        {
            // Inside a frame nothing can be said; the closing connection says it.
            var canTell = !_toClient.MidFrame && end.Outcome is not (RelayOutcome.ClientClosed or RelayOutcome.ClientReset);
            if (canTell && !_toClient.IsOpen)
            {
                _toClient.IsOpen = true;
                FrameWriter.Settings(_toClient.Own(), []);
                _toClient.AdmitDeferred();
            }

            _exchange.EndAll(reason, canTell);
            if (!canTell)
            {
                return;
            }

            var code = end.Outcome == RelayOutcome.ClientMisbehaved ? Http2ErrorCode.ProtocolError : Http2ErrorCode.NoError;
            FrameWriter.GoAway(_toClient.Own(), _exchange.LastClientId, code, reason.Message);
        }

        _toClient.Kick();
        try
        {
            using var patience = new CancellationTokenSource(RelayLimits.FarewellTimeout, _scope.Clock);
            await _toClient.DrainedAsync(0, patience.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
        }
    }

    private static Refusal ReasonFor(RelayEnd end) => end.Outcome switch
    {
        RelayOutcome.Revoked => new(GrpcStatusCode.PermissionDenied, "this build may no longer use the builder: it was cancelled or its time is over"),
        RelayOutcome.Stopped => new(GrpcStatusCode.Unavailable, "the builder is stopping; run the build again"),
        RelayOutcome.ClientClosed or RelayOutcome.ClientReset => new(GrpcStatusCode.Cancelled, "the client's connection ended"),
        RelayOutcome.ClientMisbehaved or RelayOutcome.ClientSilent => new(GrpcStatusCode.Internal, end.Detail),
        RelayOutcome.EngineUnreachable => new(GrpcStatusCode.Unavailable, "the build engine does not answer; run the build again"),
        RelayOutcome.EngineClosed => new(GrpcStatusCode.Unavailable, "the build engine was stopped in the middle of the build; run the build again"),
        _ => new(GrpcStatusCode.Unavailable, "the build engine died in the middle of the build; run the build again (what is finished is in the cache). "
            + "If it dies again, the builder may be short of memory: the builder's log says how it died"),
    };
}
