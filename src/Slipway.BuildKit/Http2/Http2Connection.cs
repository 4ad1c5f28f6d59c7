namespace Slipway.BuildKit.Http2;

/// <summary>One HTTP/2 connection in either role, over any stream of bytes, which it owns.</summary>
/// <remarks>
/// Three tasks run it: a read loop, a flusher and, if asked for, a keepalive watch. The first failure of any of them ends the connection:
/// every stream fails with that reason, GOAWAY is sent if the transport still takes it, and <see cref="Completion"/> tells the reason.
/// Lock order: a stream's gate, then the connection's.
/// </remarks>
internal sealed partial class Http2Connection : IAsyncDisposable
{
    private readonly Stream _transport;
    private readonly bool _isServer;
    private readonly Func<Http2Stream, Task>? _serve;
    private readonly Lock _gate = new();
    private readonly Dictionary<int, Http2Stream> _streams = [];
    private readonly CancellationTokenSource _lifetime = new();
    private readonly TaskCompletionSource _ending = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _allServed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly int _sendBufferBytes;

    // Guarded by the gate.
    private Exception? _failure;
    private bool _closedHere;
    private int _serving;

    /// <summary>A send buffer smaller than a frame would never take one.</summary>
    private const int SendBufferBytesMin = 2 * Http2Frame.DefaultPayloadBytesMax;

    private Http2Connection(Stream transport, Http2Options options, Func<Http2Stream, Task>? serve)
    {
        _transport = transport;
        _isServer = serve is not null;
        _serve = serve;
        Options = options;
        _decoder = new HpackDecoder(Http2Frame.DefaultHeaderTableBytes, options.HeaderListBytesMax);
        _nextStreamId = _isServer ? 2 : 1;
        _sendBufferBytes = Math.Max(options.SendBufferBytes, SendBufferBytesMin);
        _receiveWindow = Math.Max(options.ConnectionWindowBytes, Http2Frame.DefaultWindowBytes);
        Completion = Task.CompletedTask;
    }

    public Http2Options Options { get; }

    /// <summary>Ends when the connection and everything it started has ended: cleanly after <see cref="DisposeAsync"/>,
    /// otherwise faulted with the reason.</summary>
    public Task Completion { get; private set; }

    /// <summary>Starts the calling role: sends the client preface.</summary>
    public static Http2Connection StartClient(Stream transport, Http2Options options) => Start(new Http2Connection(transport, options, serve: null));

    /// <summary>Starts the serving role.</summary>
    /// <param name="serve">Serves one stream; the connection awaits it before it completes.</param>
    public static Http2Connection StartServer(Stream transport, Http2Options options, Func<Http2Stream, Task> serve) =>
        Start(new Http2Connection(transport, options, serve));

    private static Http2Connection Start(Http2Connection connection)
    {
        connection.QueueOpening();
        connection.Completion = Task.Run(connection.RunAsync);
        return connection;
    }

    /// <summary>Opens a stream with a header block, waiting for one of the peer's stream slots.</summary>
    public async ValueTask<Http2Stream> OpenAsync(IEnumerable<HeaderField> fields, CancellationToken cancellation)
    {
        var stream = new Http2Stream(this, GraceBytes);
        await stream.SendHeadersAsync(fields, endStream: false, cancellation);
        return stream;
    }

    /// <summary>Says goodbye, ends every stream, closes the transport.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _closedHere |= _failure is null;
        }

        End(new Http2Exception(Http2ErrorCode.NoError, "The connection was closed by this side."));
        await ((Task)Completion).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _lifetime.Dispose();
    }

    private async Task RunAsync()
    {
        var reading = ReadLoopAsync();
        var flushing = FlushLoopAsync();
        var watching = WatchAsync();
        await _ending.Task;

        // The flusher leaves by itself once GOAWAY is out; a peer that reads nothing does not get to keep it.
        await QuietAsync(flushing.WaitAsync(Options.CloseTimeout, Options.Clock));
        await _lifetime.CancelAsync();
        await _transport.DisposeAsync();
        await QuietAsync(reading);
        await QuietAsync(flushing);
        await QuietAsync(watching);
        ReturnBuffers();
        await _allServed.Task;
        if (!_closedHere)
        {
            throw _failure!;
        }
    }

    private static async Task QuietAsync(Task task) => await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <summary>Ends the connection; the first reason counts.</summary>
    private void End(Exception reason)
    {
        List<Http2Stream> streams;
        lock (_gate)
        {
            if (_failure is not null)
            {
                return;
            }

            _failure = reason;
            QueueGoAway((reason as Http2Exception)?.Code ?? Http2ErrorCode.InternalError);
            streams = [.. _streams.Values];
            foreach (var stream in streams)
            {
                CloseSending(stream, reason);
            }

            _streams.Clear();
            FailOpening(reason);
            if (_serving == 0)
            {
                _allServed.TrySetResult();
            }

            Wake();
        }

        foreach (var stream in streams)
        {
            stream.ReceiveFailure(reason);
        }

        _ending.TrySetResult();
    }

    /// <summary>Runs one handler off the read loop. Its stream counts as running until it ends, even when the peer has reset it: a peer
    /// that opens and resets in a hurry does not get more work out of this side than one that waits.</summary>
    private void Serve(Http2Stream stream)
    {
        _ = ServeAsync();

        async Task ServeAsync()
        {
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            await QuietAsync(_serve!(stream));
            lock (_gate)
            {
                _serving--;
                if (_serving == 0 && _failure is not null)
                {
                    _allServed.TrySetResult();
                }
            }
        }
    }

    private async Task WatchAsync()
    {
        if (Options.KeepAliveInterval <= TimeSpan.Zero)
        {
            return;
        }

        var clock = Options.Clock;
        Volatile.Write(ref _lastRead, clock.GetTimestamp());
        while (true)
        {
            var quiet = clock.GetElapsedTime(Volatile.Read(ref _lastRead));
            if (quiet < Options.KeepAliveInterval)
            {
                await Task.Delay(Options.KeepAliveInterval - quiet, clock, _lifetime.Token);
                continue;
            }

            var before = Volatile.Read(ref _lastRead);
            SendPing();
            await Task.Delay(Options.KeepAliveTimeout, clock, _lifetime.Token);
            if (Volatile.Read(ref _lastRead) == before)
            {
                End(new Http2Exception(
                    Http2ErrorCode.NoError, FormattableString.Invariant($"No answer to a PING for {Options.KeepAliveTimeout.TotalSeconds:0.###} s.")));
                return;
            }
        }
    }
}
