using Slipway.BuildKit.Http2;

namespace Slipway.Builder.Proxying;

/// <summary>Connection-level flow control of one direction, sender to receiver, with the relay in between.</summary>
/// <remarks>
/// As long as frames only pass, the sender's credit is the receiver's, but for small change (<see cref="GrantMin"/>). Two things part them:
/// bytes that the relay takes out (a refused call's body, a held message), which cost the sender and not the receiver; and bytes
/// that it puts in (an answer of its own, a judged message), which cost the receiver and not the sender. One rule covers both:
/// the sender is granted whatever the receiver has beyond what the sender already believes, less what waits here. Bytes put in
/// make that a debt, which the receiver's next updates pay before the sender sees any. Should the sender use credit that
/// the receiver no longer has, its frames wait in <see cref="Queue"/>, at most as many bytes as the debt.
/// </remarks>
internal sealed class ConnectionCredit
{
    /// <summary>What the receiver accepts now.</summary>
    public long Receiver { get; set; } = Http2Frame.DefaultWindowBytes;

    /// <summary>What the sender believes it may send.</summary>
    public long Sender { get; set; } = Http2Frame.DefaultWindowBytes;

    /// <summary>Kept from the sender because the relay has bytes of its own to put in.</summary>
    public long Reserved { get; set; }

    /// <summary>DATA bytes in <see cref="Queue"/>.</summary>
    public long QueuedBytes { get; private set; }

    /// <summary>Frames that wait for the receiver's credit, and those that must not overtake them.</summary>
    public Queue<QueuedFrame> Queue { get; } = new();

    private TaskCompletionSource? _room;

    /// <summary>The most that the receiver has ever accepted at a time.</summary>
    private long _capacity = Http2Frame.DefaultWindowBytes;

    /// <summary>What may be granted to the sender now.</summary>
    public long Owed => Receiver - QueuedBytes - Reserved - Sender;

    /// <summary>Less than this is not worth a frame yet.</summary>
    public long GrantMin => RelayLimits.GrantMin(_capacity);

    /// <summary>The receiver granted more.</summary>
    public void Extend(uint increment)
    {
        Receiver += increment;
        if (increment == 0 || Receiver > Http2Frame.WindowBytesLimit)
        {
            throw new Http2Exception(Http2ErrorCode.FlowControlError, "The peer sent a WINDOW_UPDATE of 0 or beyond the largest window.");
        }

        _capacity = Math.Max(_capacity, Receiver);
    }

    public void Enqueue(QueuedFrame frame)
    {
        Queue.Enqueue(frame);
        QueuedBytes += frame.DataBytes;
    }

    public void Sent(long queuedBytes)
    {
        Receiver -= queuedBytes;
        Dropped(queuedBytes);
    }

    /// <summary>Forgets queued bytes whose stream is gone.</summary>
    public void Dropped(long queuedBytes)
    {
        QueuedBytes -= queuedBytes;
        if (QueuedBytes <= RelayLimits.UnsentBytesMax)
        {
            _room?.TrySetResult();
            _room = null;
        }
    }

    /// <summary>Ends when the queue is short again; null when it is.</summary>
    public Task? Room() => QueuedBytes <= RelayLimits.UnsentBytesMax
        ? null
        : (_room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
}

/// <summary>A frame that waits in a direction's queue: DATA payload without padding, or other frames as they will stand on the wire.</summary>
/// <param name="streamId">As the receiver numbers it.</param>
internal sealed class QueuedFrame(RelayStream stream, int streamId, ReadOnlyMemory<byte> bytes, bool isData, bool endStream = false)
{
    public RelayStream Stream { get; } = stream;

    public int StreamId { get; } = streamId;

    public ReadOnlyMemory<byte> Bytes { get; set; } = bytes;

    public bool IsData { get; } = isData;

    public bool EndStream { get; } = endStream;

    public int DataBytes => IsData ? Bytes.Length : 0;
}
