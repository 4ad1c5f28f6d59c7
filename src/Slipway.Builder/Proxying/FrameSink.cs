namespace Slipway.Builder.Proxying;

/// <summary>Everything on its way to one peer, in wire order. Frames come from the lane that reads the other peer, which mostly
/// lends its read buffer, and from the relay itself; one of them at a time writes, for all.</summary>
/// <remarks>All members except <see cref="WriteAsync"/>, <see cref="Kick"/> and <see cref="DrainedAsync"/> need the relay's lock.</remarks>
internal sealed class FrameSink(Stream stream, Lock gate) : IDisposable
{
    private readonly CancellationTokenSource _closing = new();
    private ByteBuffer _pending = new();
    private ByteBuffer _leaving = new();
    private readonly ByteBuffer _deferred = new();
    private TaskCompletionSource? _drained;
    private Task _pump = Task.CompletedTask;
    private bool _writing;
    private IOException? _broken;

    /// <summary>The lane whose frames pass into this sink.</summary>
    public FrameLane? Feeder { get; set; }

    /// <summary>Called when everything has been written: appends what was waiting for room.</summary>
    public Action? Refill { get; set; }

    /// <summary>Called once, outside the lock, when the peer cannot be written to any more.</summary>
    public Action<Exception>? Failed { get; set; }

    /// <summary>The bytes so far end inside a frame: nothing else may come before its rest.</summary>
    public bool MidFrame { get; set; }

    /// <summary>The other side's own SETTINGS have passed, which must be the first frame (RFC 9113 §3.4).</summary>
    public bool IsOpen { get; set; }

    /// <summary>Frames that waited for the end of the frame in progress, or for the first one.</summary>
    public bool HasDeferred => IsOpen && _deferred.Length > 0;

    public int UnsentBytes => _pending.Length + _deferred.Length;

    /// <summary>Where to write one or more whole frames.</summary>
    public ByteBuffer Own()
    {
        Feeder?.CutRun();
        return MidFrame || !IsOpen ? _deferred : _pending;
    }

    /// <summary>Continues with bytes of the feeding lane.</summary>
    public void Append(ReadOnlySpan<byte> run) => _pending.Append(run);

    /// <summary>The feeding lane stands at the end of a frame: what was deferred comes now.</summary>
    public void AdmitDeferred()
    {
        MidFrame = false;
        _pending.Append(_deferred.Span);
        _deferred.Clear();
    }

    /// <summary>Ends a lane's turn: takes the rest of its run, lent if nobody is writing, copied otherwise.</summary>
    /// <returns>Whether the lane must now call <see cref="WriteAsync"/>, and with what.</returns>
    public Turn EndTurn(ReadOnlyMemory<byte> run, bool midFrame)
    {
        var lent = ReadOnlyMemory<byte>.Empty;
        if (!_writing && (_pending.Length == 0 || run.Length >= RelayLimits.OwnFramePayloadBytes))
        {
            lent = run;
        }
        else
        {
            _pending.Append(run.Span);
        }

        if (_writing)
        {
            MidFrame = midFrame;
            AdmitDeferredUnless(midFrame);
            return new Turn(Writes: false, default);
        }

        (_pending, _leaving) = (_leaving, _pending);
        MidFrame = midFrame;
        AdmitDeferredUnless(midFrame);
        _writing = _leaving.Length > 0 || lent.Length > 0 || _pending.Length > 0;
        return new Turn(_writing, lent);
    }

    /// <summary>Writes what has gathered, then <paramref name="lent"/>, then all that gathers meanwhile.</summary>
    public async Task WriteAsync(ReadOnlyMemory<byte> lent)
    {
        try
        {
            while (true)
            {
                if (_leaving.Length > 0)
                {
                    await stream.WriteAsync(_leaving.Memory, _closing.Token);
                    _leaving.Clear();
                }

                if (lent.Length > 0)
                {
                    await stream.WriteAsync(lent, _closing.Token);
                    lent = default;
                }

                // Nothing but a batching transport does anything here.
                await stream.FlushAsync(_closing.Token);
                if (EndedWriting())
                {
                    return;
                }
            }
        }
        catch (Exception e)
        {
            // First the reason, then those who wait: they would take it for their own peer's.
            Failed?.Invoke(e);
            lock (gate)
            {
                _broken = new IOException("The peer cannot be written to.", e);
                _drained?.TrySetException(_broken);
            }
        }
    }

    /// <summary>Starts writing what the relay itself has appended, when nobody writes already. Not under the lock.</summary>
    public void Kick()
    {
        lock (gate)
        {
            if (_writing || _pending.Length == 0)
            {
                return;
            }

            _writing = true;
            (_pending, _leaving) = (_leaving, _pending);
            _pump = WriteAsync(default);
        }
    }

    /// <summary>Waits until all but a little is written.</summary>
    /// <exception cref="IOException">The peer cannot be written to.</exception>
    public Task DrainedAsync(int bytesMax, CancellationToken cancellation)
    {
        lock (gate)
        {
            if (_broken is not null)
            {
                return Task.FromException(_broken);
            }

            if (UnsentBytes <= bytesMax && (bytesMax > 0 || !_writing))
            {
                return Task.CompletedTask;
            }

            _drained ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _drained.Task.WaitAsync(cancellation);
        }
    }

    /// <summary>Gives up on what is still unsent and waits for the writer to leave.</summary>
    public async Task CloseAsync()
    {
        await _closing.CancelAsync();
        await _pump;
    }

    public void Dispose()
    {
        _closing.Dispose();
        _pending.Dispose();
        _leaving.Dispose();
        _deferred.Dispose();
    }

    private bool EndedWriting()
    {
        lock (gate)
        {
            if (_pending.Length == 0)
            {
                Refill?.Invoke();
            }

            if (_pending.Length > 0)
            {
                (_pending, _leaving) = (_leaving, _pending);
                return false;
            }

            _writing = false;
            _drained?.TrySetResult();
            _drained = null;
            return true;
        }
    }

    private void AdmitDeferredUnless(bool midFrame)
    {
        if (!midFrame && HasDeferred)
        {
            AdmitDeferred();
        }
    }

    /// <summary>Whether the lane is the one to write, and which bytes of its buffer.</summary>
    public readonly record struct Turn(bool Writes, ReadOnlyMemory<byte> Lent);
}
