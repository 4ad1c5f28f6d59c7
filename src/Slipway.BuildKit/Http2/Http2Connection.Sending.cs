using System.Buffers;
using System.Buffers.Binary;

namespace Slipway.BuildKit.Http2;

/// <summary>The sending half: writers copy frames into one buffer, a single flusher writes it while the next one fills.</summary>
/// <remarks>
/// Two queues wait for room or for window: short writes (headers, messages up to <see cref="ShortBytesMax"/>) before long ones, so that
/// a health check's answer is never behind bulk data. PING and WINDOW_UPDATE go ahead of everything in their own small buffer.
/// What belongs to a stream's order (HEADERS, DATA, RST_STREAM) never overtakes itself.
/// </remarks>
internal sealed partial class Http2Connection
{
    /// <summary>Room before the frames of a send buffer, so that control frames leave in the same write.</summary>
    private const int ControlRoom = 1024;

    /// <summary>A peer that asks for more PING answers than this without reading them is cut off.</summary>
    private const int ControlBytesMax = 64 * 1024;

    private const int ShortBytesMax = 4096;

    /// <summary>What a long write moves at once before the next one gets its turn.</summary>
    private const int TurnBytes = 64 * 1024;

    /// <summary>A DATA frame is cut for lack of room only when this much fits.</summary>
    private const int CutBytesMin = 4096;

    private readonly LinkedList<SendOperation> _short = [];
    private readonly LinkedList<SendOperation> _long = [];
    private readonly LinkedList<SendOperation> _opening = [];
    private readonly WakeSignal _wake = new();
    private byte[] _control = new byte[512];
    private int _controlEnd;
    private byte[] _fill = ArrayPool<byte>.Shared.Rent(32 * 1024);
    private int _fillEnd = ControlRoom;
    private byte[]? _spare;
    private bool _flusherSleeps;
    private bool _tableSizeSent;
    private int _nextStreamId;

    /// <summary>Until SETTINGS arrive, a caller may open any number of streams; 100 is the least limit that RFC 9113 §6.5.2 recommends.</summary>
    private const int DefaultStreamsMax = 100;

    // The peer's limits.
    private int _peerStreamsMax = DefaultStreamsMax;
    private int _peerFrameBytesMax = Http2Frame.DefaultPayloadBytesMax;
    private int _peerInitialWindow = Http2Frame.DefaultWindowBytes;
    private long _sendWindow = Http2Frame.DefaultWindowBytes;

    /// <summary>Set by the peer's GOAWAY: no new streams.</summary>
    private string? _peerLeaves;

    private bool HasOutput => _controlEnd > 0 || _fillEnd > ControlRoom;

    private bool IsFull => _fillEnd - ControlRoom >= _sendBufferBytes;

    /// <summary>Accepts a write at once if there is room and window, else queues it.</summary>
    internal ValueTask SendAsync(SendOperation operation, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if ((operation.Stream.SendFailure ?? _failure ?? RefusalToOpen(operation)) is { } failure)
            {
                operation.Release();
                return ValueTask.FromException(failure);
            }

            if (operation.IsHeaders ? TryFrameHeaders(operation) : TryFrameData(operation, int.MaxValue))
            {
                operation.Release();
                Wake();
                return ValueTask.CompletedTask;
            }

            operation.Suspend();
            QueueFor(operation).AddLast(operation.Node);
            Wake();
        }

        return operation.WaitAsync(cancellation);
    }

    /// <summary>Takes a waiting write back. One that has begun leaves a cut message behind, so its stream is reset.</summary>
    internal void CancelSend(Http2Stream stream, CancellationToken token)
    {
        bool begun;
        lock (_gate)
        {
            if (!stream.Operation.Pending)
            {
                return;
            }

            begun = stream.Operation.Begun;
            stream.Operation.Complete(new OperationCanceledException(token));
        }

        if (begun)
        {
            stream.Reset(Http2ErrorCode.Cancel, "The call was cancelled in the middle of a message.");
        }
    }

    /// <summary>Ends a stream from this side. Does nothing when both sides have ended it.</summary>
    internal void ResetStream(Http2Stream stream, Http2Exception reason)
    {
        lock (_gate)
        {
            if (stream.LocalClosed && stream.RemoteClosed)
            {
                return;
            }

            stream.RemoteClosed = true;
            CloseSending(stream, reason);
            if (Forget(stream))
            {
                QueueReset(stream.Id, reason.Code);
                Wake();
            }
        }

        stream.ReceiveFailure(reason);
    }

    internal void SendWindowUpdate(int streamId, int bytes)
    {
        Span<byte> payload = stackalloc byte[Http2Frame.WindowUpdateLength];
        BinaryPrimitives.WriteInt32BigEndian(payload, bytes);
        lock (_gate)
        {
            if (_failure is null)
            {
                QueueControl(Http2FrameType.WindowUpdate, Http2Flags.None, streamId, payload);
                Wake();
            }
        }
    }

    /// <summary>Forgets a stream that both sides have closed; true when it was still known.</summary>
    private bool Forget(Http2Stream stream)
    {
        if (!_streams.Remove(stream.Id))
        {
            return false;
        }

        ServeOpening();
        return true;
    }

    /// <summary>No more frames from this side on the stream; a waiting write fails.</summary>
    private static void CloseSending(Http2Stream stream, Exception reason)
    {
        stream.LocalClosed = true;
        stream.SendFailure ??= reason;
        if (stream.Operation.Pending)
        {
            stream.Operation.Complete(reason);
        }
    }

    private LinkedList<SendOperation> QueueFor(SendOperation operation) =>
        operation.Stream.Id == 0 ? _opening
        : operation.IsHeaders || operation.Left <= ShortBytesMax ? _short
        : _long;

    private Http2Exception? RefusalToOpen(SendOperation operation) =>
        operation.Stream.Id == 0 && _peerLeaves is not null ? new Http2Exception(Http2ErrorCode.RefusedStream, _peerLeaves) : null;

    private void FailOpening(Exception reason)
    {
        while (_opening.First is { } node)
        {
            node.Value.Stream.SendFailure = reason;
            node.Value.Complete(reason);
        }
    }

    private void ServeOpening()
    {
        while (_opening.First is { } node && TryFrameHeaders(node.Value))
        {
            node.Value.Complete(failure: null);
        }
    }

    /// <summary>Moves waiting writes into the send buffer: after a flush made room, or the peer opened a window.</summary>
    private void ServeWaiting()
    {
        ServeOpening();
        for (var node = _short.First; node is not null;)
        {
            var next = node.Next;
            if (node.Value.IsHeaders ? TryFrameHeaders(node.Value) : TryFrameData(node.Value, int.MaxValue))
            {
                node.Value.Complete(failure: null);
            }

            node = next;
        }

        // Turns: the one that moved goes to the end. A round in which nobody moved is the last.
        for (var idle = 0; idle < _long.Count && !IsFull;)
        {
            var operation = _long.First!.Value;
            var left = operation.Left;
            if (TryFrameData(operation, TurnBytes))
            {
                operation.Complete(failure: null);
                idle = 0;
                continue;
            }

            idle = operation.Left < left ? 0 : idle + 1;
            _long.RemoveFirst();
            _long.AddLast(operation.Node);
        }
    }

    /// <summary>Frames as much as windows and room allow; true when nothing is left.</summary>
    private bool TryFrameData(SendOperation operation, int bytesMax)
    {
        var stream = operation.Stream;
        var turn = bytesMax;
        while (operation.Left > 0 || (operation.EndStream && !stream.LocalClosed))
        {
            var windows = Math.Min(stream.SendWindow, _sendWindow);
            var length = operation.Left == 0 ? 0 : (int)Math.Min(Math.Min(operation.Left, _peerFrameBytesMax), windows);
            var room = _sendBufferBytes + ControlRoom - _fillEnd - Http2Frame.HeaderLength;
            if (length > room)
            {
                length = room >= CutBytesMin && length > CutBytesMin ? room : 0;
            }

            if (turn <= 0 || room < 0 || length < 0 || (length == 0 && operation.Left > 0))
            {
                return false;
            }

            FrameData(operation, length);
            turn -= length;
        }

        return true;
    }

    private void FrameData(SendOperation operation, int length)
    {
        var stream = operation.Stream;
        var last = operation.EndStream && length == operation.Left;
        var frame = Extend(Http2Frame.HeaderLength + length);
        new Http2FrameHeader(length, Http2FrameType.Data, last ? Http2Flags.EndStream : Http2Flags.None, stream.Id).Write(frame);
        operation.CopyTo(frame[Http2Frame.HeaderLength..]);
        stream.SendWindow -= length;
        _sendWindow -= length;
        if (last)
        {
            EndSending(stream);
        }
    }

    /// <summary>Frames a header block; opening a stream also takes a slot and the next id, in the order of the wire.</summary>
    private bool TryFrameHeaders(SendOperation operation)
    {
        var stream = operation.Stream;
        if (IsFull)
        {
            return false;
        }

        if (stream.Id == 0)
        {
            if (_streams.Count >= _peerStreamsMax)
            {
                return false;
            }

            stream.Id = _nextStreamId;
            stream.SendWindow = _peerInitialWindow;
            _nextStreamId += 2;
            _streams.Add(stream.Id, stream);
        }

        FrameHeaderBlock(stream.Id, operation.HeaderBlock.Span, operation.EndStream);
        if (operation.EndStream)
        {
            EndSending(stream);
        }

        return true;
    }

    private void FrameHeaderBlock(int streamId, ReadOnlySpan<byte> block, bool endStream)
    {
        var prefix = _tableSizeSent ? 0 : 1;
        _tableSizeSent = true;
        var type = Http2FrameType.Headers;
        var flags = endStream ? Http2Flags.EndStream : Http2Flags.None;
        do
        {
            var length = Math.Min(block.Length + prefix, _peerFrameBytesMax);
            flags |= length == block.Length + prefix ? Http2Flags.EndHeaders : Http2Flags.None;
            var frame = Extend(Http2Frame.HeaderLength + length);
            new Http2FrameHeader(length, type, flags, streamId).Write(frame);
            frame = frame[Http2Frame.HeaderLength..];
            if (prefix > 0)
            {
                frame[0] = HpackEncoder.TableSizeZero;
                frame = frame[1..];
            }

            block[..frame.Length].CopyTo(frame);
            block = block[frame.Length..];
            (prefix, type, flags) = (0, Http2FrameType.Continuation, Http2Flags.None);
        }
        while (!block.IsEmpty);
    }

    /// <summary>This side has sent its END_STREAM. A server that answers before the request is whole tells the caller to stop sending
    /// (RFC 9113 §8.1: RST_STREAM with NO_ERROR after the complete response).</summary>
    private void EndSending(Http2Stream stream)
    {
        stream.LocalClosed = true;
        stream.SendFailure ??= new Http2Exception(Http2ErrorCode.StreamClosed, "This side has ended the call already.");
        if (_isServer && !stream.RemoteClosed)
        {
            stream.RemoteClosed = true;
            QueueReset(stream.Id, Http2ErrorCode.NoError);
        }

        if (stream.RemoteClosed)
        {
            Forget(stream);
        }
    }

    /// <summary>RST_STREAM keeps its place among the stream's frames: the peer must not see it before the HEADERS that opened the stream.</summary>
    private void QueueReset(int streamId, Http2ErrorCode code)
    {
        var frame = Extend(Http2Frame.HeaderLength + Http2Frame.RstStreamLength);
        new Http2FrameHeader(Http2Frame.RstStreamLength, Http2FrameType.RstStream, Http2Flags.None, streamId).Write(frame);
        BinaryPrimitives.WriteInt32BigEndian(frame[Http2Frame.HeaderLength..], (int)code);
    }

    private void QueueGoAway(Http2ErrorCode code)
    {
        Span<byte> payload = stackalloc byte[Http2Frame.GoAwayLength];
        BinaryPrimitives.WriteInt32BigEndian(payload, _isServer ? _lastPeerStreamId : 0);
        BinaryPrimitives.WriteInt32BigEndian(payload[4..], (int)code);
        QueueControl(Http2FrameType.GoAway, Http2Flags.None, streamId: 0, payload);
    }

    private void SendPing()
    {
        lock (_gate)
        {
            QueueControl(Http2FrameType.Ping, Http2Flags.None, streamId: 0, stackalloc byte[Http2Frame.PingLength]);
            Wake();
        }
    }

    /// <summary>The first bytes of the connection: the client's preface, SETTINGS, and the connection's window.</summary>
    private void QueueOpening()
    {
        Span<byte> settings = stackalloc byte[Http2Frame.SettingLength * 5];
        var length = 0;
        Put(settings, ref length, Http2Setting.InitialWindowSize, Options.StreamWindowBytes);
        Put(settings, ref length, Http2Setting.MaxFrameSize, Options.FrameBytesMax);
        Put(settings, ref length, Http2Setting.MaxHeaderListSize, Options.HeaderListBytesMax);
        if (_isServer)
        {
            Put(settings, ref length, Http2Setting.MaxConcurrentStreams, Options.ConcurrentStreamsMax);
        }
        else
        {
            Http2Frame.ClientPreface.CopyTo(_control);
            _controlEnd = Http2Frame.ClientPreface.Length;
            Put(settings, ref length, Http2Setting.EnablePush, 0);
        }

        QueueControl(Http2FrameType.Settings, Http2Flags.None, streamId: 0, settings[..length]);
        if (_receiveWindow > Http2Frame.DefaultWindowBytes)
        {
            Span<byte> payload = stackalloc byte[Http2Frame.WindowUpdateLength];
            BinaryPrimitives.WriteInt32BigEndian(payload, (int)_receiveWindow - Http2Frame.DefaultWindowBytes);
            QueueControl(Http2FrameType.WindowUpdate, Http2Flags.None, streamId: 0, payload);
        }
    }

    private static void Put(Span<byte> settings, ref int length, Http2Setting setting, int value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(settings[length..], (ushort)setting);
        BinaryPrimitives.WriteInt32BigEndian(settings[(length + 2)..], value);
        length += Http2Frame.SettingLength;
    }

    private void QueueControl(Http2FrameType type, Http2Flags flags, int streamId, ReadOnlySpan<byte> payload)
    {
        var length = Http2Frame.HeaderLength + payload.Length;
        if (_control.Length - _controlEnd < length)
        {
            Array.Resize(ref _control, Math.Max(_control.Length * 2, _controlEnd + length));
        }

        var frame = _control.AsSpan(_controlEnd, length);
        new Http2FrameHeader(payload.Length, type, flags, streamId).Write(frame);
        payload.CopyTo(frame[Http2Frame.HeaderLength..]);
        _controlEnd += length;
    }

    /// <summary>The next bytes of the send buffer.</summary>
    private Span<byte> Extend(int bytes)
    {
        if (_fill.Length - _fillEnd < bytes)
        {
            var grown = ArrayPool<byte>.Shared.Rent(Math.Max(_fill.Length * 2, _fillEnd + bytes));
            _fill.AsSpan(0, _fillEnd).CopyTo(grown);
            ArrayPool<byte>.Shared.Return(_fill);
            _fill = grown;
        }

        var span = _fill.AsSpan(_fillEnd, bytes);
        _fillEnd += bytes;
        return span;
    }

    private void Wake()
    {
        if (_flusherSleeps && HasOutput)
        {
            _flusherSleeps = false;
            _wake.Set();
        }
    }

    private async Task FlushLoopAsync()
    {
        try
        {
            while (await NextAsync())
            {
                var (buffer, start, end) = Swap();
                await _transport.WriteAsync(buffer.AsMemory(start, end - start), _lifetime.Token);
                await _transport.FlushAsync(_lifetime.Token);
                lock (_gate)
                {
                    _spare = buffer;
                }
            }
        }
        catch (Exception failure)
        {
            End(Broken(failure));
        }
    }

    /// <summary>Waits for output; false when the connection has ended and everything is out.</summary>
    private async ValueTask<bool> NextAsync()
    {
        while (true)
        {
            lock (_gate)
            {
                if (HasOutput)
                {
                    return true;
                }

                if (_failure is not null)
                {
                    return false;
                }

                _flusherSleeps = true;
            }

            await _wake.WaitAsync();
        }
    }

    /// <summary>Takes what is to be written, with the control frames in front, and lets waiting writers fill the other buffer.</summary>
    private (byte[] Buffer, int Start, int End) Swap()
    {
        lock (_gate)
        {
            var (buffer, start, end) = (_fill, ControlRoom - _controlEnd, _fillEnd);
            if (start < 0)
            {
                buffer = JoinControl(out end);
                start = 0;
            }
            else
            {
                _control.AsSpan(0, _controlEnd).CopyTo(buffer.AsSpan(start));
            }

            _controlEnd = 0;
            _fill = _spare ?? ArrayPool<byte>.Shared.Rent(buffer.Length);
            _spare = null;
            _fillEnd = ControlRoom;
            if (_failure is null)
            {
                ServeWaiting();
            }

            return (buffer, start, end);
        }
    }

    /// <summary>More control frames than the room in front: a new buffer of the right size, which is rare.</summary>
    private byte[] JoinControl(out int end)
    {
        var frames = _fillEnd - ControlRoom;
        end = _controlEnd + frames;
        var joined = ArrayPool<byte>.Shared.Rent(end);
        _control.AsSpan(0, _controlEnd).CopyTo(joined);
        _fill.AsSpan(ControlRoom, frames).CopyTo(joined.AsSpan(_controlEnd));
        ArrayPool<byte>.Shared.Return(_fill);
        return joined;
    }

    private void ReturnBuffers()
    {
        lock (_gate)
        {
            ArrayPool<byte>.Shared.Return(_fill);
            _fill = [];
            _fillEnd = ControlRoom;
            if (_spare is not null)
            {
                ArrayPool<byte>.Shared.Return(_spare);
                _spare = null;
            }
        }
    }
}
