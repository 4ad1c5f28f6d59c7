using System.Buffers;
using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;

namespace Slipway.BuildKit.Http2;

/// <summary>One request and its response, as two sequences of bytes with headers around them.</summary>
/// <remarks>
/// Receiving: the connection's read loop hands in slices, one reader waits for a number of bytes and takes them. Flow-control credit
/// goes back to the peer for exactly the bytes that a reader has asked for, at the moment they arrive or are asked for. A message larger than the
/// window therefore flows, and a reader that pauses holds the peer back.
/// Sending: guarded by the connection's gate, because frames of all streams share its windows and its buffer.
/// </remarks>
internal sealed class Http2Stream : IValueTaskSource<int>, IAsyncDisposable
{
    private readonly Http2Connection _connection;
    private readonly SemaphoreSlim _sending = new(1);
    private readonly Lock _gate = new();
    private readonly ReceivedSlices _received = new();
    private readonly TaskCompletionSource<IReadOnlyList<HeaderField>> _headers = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ManualResetValueTaskSourceCore<int> _arrival = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _arrivalCancellation;
    private Action<Exception>? _onFailure;
    private Exception? _broken;
    private Exception? _failure;
    private bool _waiting;
    private bool _abandoned;
    private int _wanted;

    // Credit: what the peer may still send, what was read since the last WINDOW_UPDATE, what in the queue counts as read already.
    private readonly int _graceBytes;
    private int _window;
    private int _uncredited;
    private int _creditedAhead;

    /// <param name="graceBytes">What the peer may send beyond the window because it has not read this side's SETTINGS yet.</param>
    public Http2Stream(Http2Connection connection, int graceBytes)
    {
        _connection = connection;
        _window = connection.Options.StreamWindowBytes;
        _graceBytes = graceBytes;
        Operation = new SendOperation(this);
    }

    /// <summary>0 until the stream's first HEADERS is in the send buffer, for a stream that this side opens.</summary>
    public int Id { get; set; }

    /// <summary>The peer's header block: the request on the serving side, the response on the calling side.</summary>
    public Task<IReadOnlyList<HeaderField>> Headers => _headers.Task;

    /// <summary>The trailing header block, once the peer has ended the stream with one.</summary>
    public IReadOnlyList<HeaderField>? Trailers { get; private set; }

    /// <summary>The peer has sent everything.</summary>
    public bool Ended { get; private set; }

    // The sending half: guarded by the connection's gate.
    internal SendOperation Operation { get; }

    internal long SendWindow { get; set; }

    internal bool LocalClosed { get; set; }

    internal bool RemoteClosed { get; set; }

    internal Exception? SendFailure { get; set; }

    /// <summary>Calls back once when the stream fails (a reset, a lost connection), at once if it has. Not when it ends well.</summary>
    public void OnFailure(Action<Exception> action)
    {
        Exception? failure;
        lock (_gate)
        {
            failure = _broken;
            _onFailure = action;
        }

        if (failure is not null)
        {
            action(failure);
        }
    }

    /// <summary>Waits until <paramref name="bytes"/> have arrived or the peer has ended the stream; says how many there are.</summary>
    public ValueTask<int> WaitAsync(int bytes, CancellationToken cancellation)
    {
        short version;
        lock (_gate)
        {
            if (_failure is not null)
            {
                return ValueTask.FromException<int>(_failure);
            }

            _wanted = bytes;
            CreditAhead();
            if (_received.Bytes >= bytes || Ended)
            {
                _wanted = 0;
                return new ValueTask<int>(_received.Bytes);
            }

            if (_waiting)
            {
                throw new InvalidOperationException("Two reads of one stream overlap.");
            }

            _waiting = true;
            _arrival.Reset();
            version = _arrival.Version;
        }

        _arrivalCancellation = cancellation.UnsafeRegister(
            static (stream, token) => ((Http2Stream)stream!).CancelWait(token), this);
        return new ValueTask<int>(this, version);
    }

    /// <summary>Takes up to <paramref name="bytesMax"/> bytes, in one run. Only after <see cref="WaitAsync"/> has promised them.</summary>
    public ReceivedSlice Take(int bytesMax)
    {
        lock (_gate)
        {
            var slice = _received.Take(bytesMax);
            var ahead = Math.Min(_creditedAhead, slice.Length);
            _creditedAhead -= ahead;
            Credit(slice.Length - ahead);
            return slice;
        }
    }

    /// <summary>Copies bytes that <see cref="WaitAsync"/> has promised.</summary>
    public void Read(Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            var slice = Take(destination.Length);
            slice.Memory.Span.CopyTo(destination);
            destination = destination[slice.Length..];
            slice.Block.Dispose();
        }
    }

    /// <summary>Sends a header block; done when it is in the send buffer.</summary>
    public ValueTask SendHeadersAsync(IEnumerable<HeaderField> fields, bool endStream, CancellationToken cancellation)
    {
        var block = new ArrayBufferWriter<byte>(256);
        HpackEncoder.Write(block, fields);
        return SendHeadersAsync(block.WrittenMemory, endStream, cancellation);
    }

    /// <summary>Sends three runs of bytes back to back as DATA; done when all of them are in the send buffer.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask SendDataAsync(
        ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second, ReadOnlyMemory<byte> third, bool endStream, CancellationToken cancellation)
    {
        if (!_sending.Wait(0, CancellationToken.None))
        {
            await _sending.WaitAsync(cancellation);
        }

        try
        {
            Operation.SetData(first, second, third, endStream);
            await _connection.SendAsync(Operation, cancellation);
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <summary>Ends the stream from this side with RST_STREAM, if it is still open.</summary>
    public void Reset(Http2ErrorCode code, string reason) => _connection.ResetStream(this, new Http2Exception(code, reason));

    /// <summary>Gives up what has not been read; resets the stream if it is still open.</summary>
    public ValueTask DisposeAsync()
    {
        Reset(Http2ErrorCode.Cancel, "The call was given up.");
        lock (_gate)
        {
            _abandoned = true;
            DropReceived();
        }

        return ValueTask.CompletedTask;
    }

    // What the connection's read loop tells the stream.

    /// <summary>Counts an arriving DATA frame against the window; false when the peer has overrun it.</summary>
    internal bool TryReceive(int frameBytes)
    {
        lock (_gate)
        {
            _window -= frameBytes;
            return _window >= -_graceBytes;
        }
    }

    internal void ReceiveHeaders(IReadOnlyList<HeaderField> fields) => _headers.TrySetResult(fields);

    /// <summary>Takes over the slice's reference.</summary>
    internal void Receive(ReceivedSlice slice)
    {
        var wake = false;
        lock (_gate)
        {
            if (_failure is not null || _abandoned)
            {
                slice.Block.Dispose();
                _connection.Credit(slice.Length);
                return;
            }

            _received.Add(slice);
            CreditAhead();
            wake = TryEndWait();
        }

        if (wake)
        {
            _arrival.SetResult(_received.Bytes);
        }
    }

    /// <summary>Padding, which no reader sees.</summary>
    internal void ReceivePadding(int bytes)
    {
        lock (_gate)
        {
            Credit(bytes);
        }
    }

    internal void ReceiveEnd(IReadOnlyList<HeaderField>? trailers)
    {
        bool wake;
        lock (_gate)
        {
            Trailers = trailers;
            Ended = true;
            wake = _waiting;
            _waiting = false;
        }

        // A response of headers only: they are the trailers too.
        _headers.TrySetResult(trailers ?? []);
        if (wake)
        {
            _arrival.SetResult(_received.Bytes);
        }
    }

    /// <summary>The stream broke. What arrived before the peer's proper end stays readable.</summary>
    internal void ReceiveFailure(Exception failure)
    {
        var wake = false;
        Action<Exception>? onFailure;
        lock (_gate)
        {
            if (_broken is not null)
            {
                return;
            }

            _broken = failure;
            onFailure = _onFailure;
            if (!Ended)
            {
                _failure = failure;
                wake = _waiting;
                _waiting = false;
                DropReceived();
            }
        }

        if (_headers.TrySetException(failure))
        {
            // Nobody need look at it.
            _ = _headers.Task.Exception;
        }

        if (wake)
        {
            _arrival.SetException(failure);
        }

        onFailure?.Invoke(failure);
    }

    internal void CancelSend(CancellationToken token) => _connection.CancelSend(this, token);

    internal ValueTask SendHeadersAsync(ReadOnlyMemory<byte> block, bool endStream, CancellationToken cancellation)
    {
        return _sending.Wait(0, CancellationToken.None) ? SendAsync() : SendLaterAsync();

        async ValueTask SendLaterAsync()
        {
            await _sending.WaitAsync(cancellation);
            await SendAsync();
        }

        async ValueTask SendAsync()
        {
            try
            {
                Operation.SetHeaders(block, endStream);
                await _connection.SendAsync(Operation, cancellation);
            }
            finally
            {
                _sending.Release();
            }
        }
    }

    int IValueTaskSource<int>.GetResult(short token)
    {
        _arrivalCancellation.Dispose();
        return _arrival.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _arrival.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _arrival.OnCompleted(continuation, state, token, flags);

    private void CancelWait(CancellationToken token)
    {
        lock (_gate)
        {
            if (!_waiting)
            {
                return;
            }

            _waiting = false;
            _wanted = 0;
        }

        _arrival.SetException(new OperationCanceledException(token));
    }

    private bool TryEndWait()
    {
        if (!_waiting || _received.Bytes < _wanted)
        {
            return false;
        }

        _waiting = false;
        _wanted = 0;
        return true;
    }

    /// <summary>Counts as read what the waiting reader is going to take.</summary>
    private void CreditAhead()
    {
        var ahead = Math.Min(_received.Bytes, _wanted) - _creditedAhead;
        if (ahead > 0)
        {
            _creditedAhead += ahead;
            Credit(ahead);
        }
    }

    /// <summary>Returns credit in batches of half a window: one WINDOW_UPDATE per half window is enough to keep the peer sending.</summary>
    private void Credit(int bytes)
    {
        if (bytes == 0)
        {
            return;
        }

        _connection.Credit(bytes);
        _uncredited += bytes;
        if (!Ended && _failure is null && _uncredited >= Math.Max(1, _connection.Options.StreamWindowBytes / 2))
        {
            _window += _uncredited;
            _connection.SendWindowUpdate(Id, _uncredited);
            _uncredited = 0;
        }
    }

    private void DropReceived()
    {
        _connection.Credit(_received.Bytes - _creditedAhead);
        _creditedAhead = 0;
        _received.Clear();
    }
}
