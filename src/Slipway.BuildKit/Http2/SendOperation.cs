using System.Threading.Tasks.Sources;

namespace Slipway.BuildKit.Http2;

/// <summary>One write of a stream, from the moment it is asked for until its last byte is in the send buffer. A stream writes one
/// thing at a time, so each stream has one of these and uses it again.</summary>
/// <remarks>Everything here is guarded by the connection's gate, apart from awaiting.</remarks>
internal sealed class SendOperation : IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _completion = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _registration;
    private ReadOnlyMemory<byte> _first;
    private ReadOnlyMemory<byte> _second;
    private ReadOnlyMemory<byte> _third;

    public SendOperation(Http2Stream stream)
    {
        Stream = stream;
        Node = new LinkedListNode<SendOperation>(this);
    }

    public Http2Stream Stream { get; }

    /// <summary>This operation's place in one of the connection's queues.</summary>
    public LinkedListNode<SendOperation> Node { get; }

    /// <summary>The encoded header block; empty for DATA.</summary>
    public ReadOnlyMemory<byte> HeaderBlock { get; private set; }

    public bool IsHeaders { get; private set; }

    public bool EndStream { get; private set; }

    /// <summary>Bytes of DATA not yet in the send buffer.</summary>
    public int Left { get; private set; }

    /// <summary>Some of it has been framed already, so that it can no longer be taken back.</summary>
    public bool Begun { get; private set; }

    public bool Pending { get; private set; }

    public void SetHeaders(ReadOnlyMemory<byte> block, bool endStream)
    {
        IsHeaders = true;
        HeaderBlock = block;
        EndStream = endStream;
        Left = 0;
        Begun = false;
    }

    public void SetData(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second, ReadOnlyMemory<byte> third, bool endStream)
    {
        IsHeaders = false;
        EndStream = endStream;
        Begun = false;
        Left = first.Length + second.Length + third.Length;
        (_first, _second, _third) = (first, second, third);
    }

    /// <summary>Moves the next bytes into a frame.</summary>
    public void CopyTo(Span<byte> destination)
    {
        Begun = true;
        Left -= destination.Length;
        Move(ref _first, ref destination);
        Move(ref _second, ref destination);
        Move(ref _third, ref destination);
    }

    private static void Move(ref ReadOnlyMemory<byte> source, ref Span<byte> destination)
    {
        if (source.IsEmpty || destination.IsEmpty)
        {
            return;
        }

        var count = Math.Min(source.Length, destination.Length);
        source.Span[..count].CopyTo(destination);
        source = source[count..];
        destination = destination[count..];
    }

    /// <summary>From here on the writer waits.</summary>
    public void Suspend() => Pending = true;

    public ValueTask WaitAsync(CancellationToken cancellation)
    {
        var task = new ValueTask(this, _completion.Version);
        _registration = cancellation.UnsafeRegister(
            static (operation, token) => ((SendOperation)operation!).Stream.CancelSend(token), this);
        return task;
    }

    /// <param name="failure">Null when every byte was accepted.</param>
    public void Complete(Exception? failure)
    {
        Node.List?.Remove(Node);
        Pending = false;
        Release();
        if (failure is null)
        {
            _completion.SetResult(true);
        }
        else
        {
            _completion.SetException(failure);
        }
    }

    /// <summary>Lets go of the caller's memory.</summary>
    public void Release()
    {
        (_first, _second, _third) = (default, default, default);
        HeaderBlock = default;
    }

    void IValueTaskSource.GetResult(short token)
    {
        _registration.Dispose();
        try
        {
            _completion.GetResult(token);
        }
        finally
        {
            _completion.Reset();
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _completion.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _completion.OnCompleted(continuation, state, token, flags);
}
