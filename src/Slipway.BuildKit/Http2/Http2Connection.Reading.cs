using System.Buffers;
using System.Buffers.Binary;

namespace Slipway.BuildKit.Http2;

/// <summary>The receiving half: one loop reads large pieces and hands DATA on in place, as slices of the piece.</summary>
/// <remarks>The loop never waits for a reader of a stream: flow control bounds what may arrive unread.</remarks>
internal sealed partial class Http2Connection
{
    private const int BlockBytes = 256 * 1024;

    /// <summary>With this many blocks held by unread messages (64 MiB), what arrives is copied out of its block, so that a peer
    /// cannot make one unread byte hold a whole block each time.</summary>
    private const int BlocksHeldMax = 256;

    /// <summary>Frames other than DATA and header blocks are short; 16 KiB is what every peer may send.</summary>
    private const int OtherFrameBytesMax = Http2Frame.DefaultPayloadBytesMax;

    /// <summary>CONTINUATION frames per header block. A block of 1 MiB in the smallest usual frames has 64.</summary>
    private const int ContinuationsMax = 256;

    /// <summary>Frames that cost work and carry nothing (resets, empty DATA, SETTINGS, unknown ones), net of those that do.</summary>
    private const int NuisanceMax = 2000;

    private readonly HpackDecoder _decoder;
    private readonly ReceiveBlockCount _blocksHeld = new();
    private readonly ArrayBufferWriter<byte> _gathered = new();
    private ReceiveBlock? _block;
    private int _start;
    private int _end;
    private long _lastRead;

    // The frame being read.
    private Http2FrameHeader _frame;
    private bool _inFrame;
    private int _frameLeft;
    private int _padding;
    private bool _padLengthPending;
    private Http2Stream? _dataStream;

    // The header block being read: HEADERS without END_HEADERS lets only its CONTINUATIONs follow (RFC 9113 §6.10).
    private readonly ArrayBufferWriter<byte> _headerBlock = new();
    private int _headerStreamId;
    private bool _headerEndsStream;
    private int _continuations;

    private int _lastPeerStreamId;
    private long _receiveWindow;
    private long _consumed;
    private int _nuisance;
    private bool _settingsSeen;
    private bool _settingsAcked;
    private string? _farewell;

    /// <summary>Until the peer has acknowledged SETTINGS, it sends by the defaults.</summary>
    private int GraceBytes => Volatile.Read(ref _settingsAcked) ? 0 : Math.Max(0, Http2Frame.DefaultWindowBytes - Options.StreamWindowBytes);

    /// <summary>No room for one more call. Handlers outlive their streams a little, and much when the peer resets in a hurry: twice
    /// the limit holds both.</summary>
    private bool IsCrowded => _streams.Count >= (_settingsAcked ? Options.ConcurrentStreamsMax : Math.Max(DefaultStreamsMax, Options.ConcurrentStreamsMax))
        || _serving >= 2 * Math.Max(DefaultStreamsMax, Options.ConcurrentStreamsMax);

    /// <summary>Returns bytes to the connection's window, in batches of half of it.</summary>
    internal void Credit(int bytes)
    {
        if (bytes == 0)
        {
            return;
        }

        var half = Math.Max(Options.ConnectionWindowBytes, Http2Frame.DefaultWindowBytes) / 2;
        if (Interlocked.Add(ref _consumed, bytes) < half)
        {
            return;
        }

        var credit = Interlocked.Exchange(ref _consumed, 0);
        if (credit > 0)
        {
            Interlocked.Add(ref _receiveWindow, credit);
            SendWindowUpdate(streamId: 0, (int)credit);
        }
    }

    private async Task ReadLoopAsync()
    {
        try
        {
            _block = ReceiveBlock.Rent(BlockBytes, _blocksHeld);
            if (_isServer)
            {
                await ReadPrefaceAsync();
            }

            while (await FillAsync())
            {
                Parse();
            }

            End(new Http2Exception(Http2ErrorCode.NoError, _farewell ?? "The connection was closed by the peer.") { PeerLeft = true });
        }
        catch (Exception failure)
        {
            End(Broken(failure));
        }
        finally
        {
            _block?.Dispose();
        }
    }

    private static Exception Broken(Exception failure) => failure is Http2Exception
        ? failure
        : new Http2Exception(Http2ErrorCode.InternalError, $"The connection broke: {failure.Message}", failure);

    private async ValueTask ReadPrefaceAsync()
    {
        var preface = Http2Frame.ClientPreface.ToArray();
        while (_end - _start < preface.Length)
        {
            if (!await FillAsync())
            {
                throw new Http2Exception(Http2ErrorCode.NoError, "The connection was closed by the peer.") { PeerLeft = _end == _start };
            }

            var seen = _block!.Array.AsSpan(_start, Math.Min(_end - _start, preface.Length));
            if (!seen.SequenceEqual(preface.AsSpan(0, seen.Length)))
            {
                throw Error(Http2ErrorCode.ProtocolError, "The peer does not speak HTTP/2 with prior knowledge.");
            }
        }

        _start += preface.Length;
        Parse();
    }

    /// <summary>Reads more behind what is left over; false at the end of the transport.</summary>
    private async ValueTask<bool> FillAsync()
    {
        MakeRoom();
        var read = await _transport.ReadAsync(_block!.Array.AsMemory(_end), _lifetime.Token);
        _end += read;
        if (Options.KeepAliveInterval > TimeSpan.Zero)
        {
            Volatile.Write(ref _lastRead, Options.Clock.GetTimestamp());
        }

        return read > 0;
    }

    /// <summary>Starts the block again when nobody holds it, or moves on to a new one when this one is nearly used up.</summary>
    private void MakeRoom()
    {
        var left = _end - _start;
        if (left == 0 && _block!.IsOnlyMine)
        {
            _start = _end = 0;
        }
        else if (_block!.Array.Length - _end < BlockBytes / 8)
        {
            var next = ReceiveBlock.Rent(BlockBytes, _blocksHeld);
            _block.Array.AsSpan(_start, left).CopyTo(next.Array);
            _block.Dispose();
            _block = next;
            (_start, _end) = (0, left);
        }
    }

    /// <summary>Takes every whole frame, and the part of a DATA frame that is there.</summary>
    private void Parse()
    {
        while (true)
        {
            if (!_inFrame)
            {
                if (_end - _start < Http2Frame.HeaderLength)
                {
                    return;
                }

                _frame = Http2FrameHeader.Read(_block!.Array.AsSpan(_start));
                _start += Http2Frame.HeaderLength;
                _frameLeft = _frame.Length;
                _inFrame = true;
                BeginFrame();
            }

            if (!(_frame.Type == Http2FrameType.Data ? TakeData() : TakeOther()))
            {
                return;
            }

            _inFrame = false;
        }
    }

    private void BeginFrame()
    {
        var isHeaders = _frame.Type is Http2FrameType.Headers or Http2FrameType.Continuation;
        if (_frame.Length > Options.FrameBytesMax || (_frame.Length > OtherFrameBytesMax && !isHeaders && _frame.Type != Http2FrameType.Data))
        {
            throw Error(Http2ErrorCode.FrameSizeError, $"The peer sent a frame of {_frame.Length} bytes, which is over the limit.");
        }

        if (!_settingsSeen && _frame.Type != Http2FrameType.Settings)
        {
            throw Error(Http2ErrorCode.ProtocolError, "The peer's first frame is not SETTINGS: it does not speak HTTP/2 with prior knowledge.");
        }

        if (_headerStreamId != 0 && (_frame.Type != Http2FrameType.Continuation || _frame.StreamId != _headerStreamId))
        {
            throw Error(Http2ErrorCode.ProtocolError, "The peer interrupted a header block.");
        }

        if (_frame.Type == Http2FrameType.Data)
        {
            BeginData();
        }
    }

    private void BeginData()
    {
        if (_frame.StreamId == 0 || IsIdle(_frame.StreamId))
        {
            throw Error(Http2ErrorCode.ProtocolError, $"The peer sent DATA on stream {_frame.StreamId}, which nobody opened.");
        }

        // Padding counts against the windows like data.
        if (Interlocked.Add(ref _receiveWindow, -_frame.Length) < 0)
        {
            throw Error(Http2ErrorCode.FlowControlError, "The peer sent more than the connection's window allows.");
        }

        if (_frame is { Length: 0, Flags: Http2Flags.None })
        {
            CountNuisance();
        }

        _padding = 0;
        _padLengthPending = _frame.Has(Http2Flags.Padded);
        if (_padLengthPending && _frame.Length == 0)
        {
            throw Error(Http2ErrorCode.FrameSizeError, "The peer sent a padded frame without a padding length.");
        }

        _dataStream = Find(_frame.StreamId);
        if (_dataStream is not null && Refusal(_dataStream) is { } refusal)
        {
            ResetStream(_dataStream, refusal);
            _dataStream = null;
        }
    }

    private Http2Exception? Refusal(Http2Stream stream) =>
        stream.Ended ? Error(Http2ErrorCode.StreamClosed, "The peer sent DATA after it had ended the call.")
        : !stream.Headers.IsCompleted ? Error(Http2ErrorCode.ProtocolError, "The peer sent DATA before HEADERS.")
        : !stream.TryReceive(_frame.Length) ? Error(Http2ErrorCode.FlowControlError, "The peer sent more than the call's window allows.")
        : null;

    /// <summary>Hands on the part of a DATA frame that is there; true at the frame's end.</summary>
    private bool TakeData()
    {
        if (_padLengthPending && !TakePadLength())
        {
            return false;
        }

        var data = Math.Min(_frameLeft - _padding, _end - _start);
        if (data > 0)
        {
            Deliver(data);
            _start += data;
            _frameLeft -= data;
        }

        var padding = Math.Min(_frameLeft, _end - _start);
        if (padding > 0)
        {
            _start += padding;
            _frameLeft -= padding;
            _padding -= padding;
            DropPadding(padding);
        }

        if (_frameLeft > 0)
        {
            return false;
        }

        if (_frame.Has(Http2Flags.EndStream) && _dataStream is not null)
        {
            EndReceiving(_dataStream, trailers: null);
        }

        _dataStream = null;
        return true;
    }

    private bool TakePadLength()
    {
        if (_start == _end)
        {
            return false;
        }

        _padding = _block!.Array[_start++];
        _frameLeft--;
        _padLengthPending = false;
        if (_padding > _frameLeft)
        {
            throw Error(Http2ErrorCode.ProtocolError, "The peer sent a frame with more padding than frame.");
        }

        DropPadding(1);
        return true;
    }

    private void DropPadding(int bytes)
    {
        if (_dataStream is null)
        {
            Credit(bytes);
        }
        else
        {
            _dataStream.ReceivePadding(bytes);
        }
    }

    private void Deliver(int bytes)
    {
        if (_dataStream is null)
        {
            // For a stream that this side has given up: the connection's window is still owed.
            Credit(bytes);
            return;
        }

        if (_blocksHeld.Value > BlocksHeldMax)
        {
            _dataStream.Receive(new ReceivedSlice(ReceiveBlock.Copy(_block!.Array.AsSpan(_start, bytes)), 0, bytes));
            return;
        }

        _block!.Retain();
        _dataStream.Receive(new ReceivedSlice(_block, _start, bytes));
    }

    /// <summary>Processes any other frame once it is whole.</summary>
    private bool TakeOther()
    {
        var there = Math.Min(_frameLeft, _end - _start);
        var bytes = _block!.Array.AsSpan(_start, there);
        _start += there;
        _frameLeft -= there;
        if (_frameLeft == 0 && _gathered.WrittenCount == 0)
        {
            Process(bytes);
            return true;
        }

        _gathered.Write(bytes);
        if (_frameLeft > 0)
        {
            return false;
        }

        Process(_gathered.WrittenSpan);
        _gathered.ResetWrittenCount();
        return true;
    }

    private void Process(ReadOnlySpan<byte> payload)
    {
        switch (_frame.Type)
        {
            case Http2FrameType.Headers:
                ReceiveHeaders(payload);
                break;
            case Http2FrameType.Continuation:
                ReceiveContinuation(payload);
                break;
            case Http2FrameType.RstStream:
                ReceiveReset(Sized(payload, Http2Frame.RstStreamLength));
                break;
            case Http2FrameType.Settings:
                ReceiveSettings(payload);
                break;
            case Http2FrameType.Ping:
                ReceivePing(Sized(payload, Http2Frame.PingLength));
                break;
            case Http2FrameType.GoAway:
                ReceiveGoAway(payload);
                break;
            case Http2FrameType.WindowUpdate:
                ReceiveWindowUpdate(Sized(payload, Http2Frame.WindowUpdateLength));
                break;
            case Http2FrameType.PushPromise:
                throw Error(Http2ErrorCode.ProtocolError, "The peer pushed a request, which this side does not allow.");
            default:
                // PRIORITY is deprecated and unknown types are ignored (RFC 9113 §4.1, §5.3).
                CountNuisance();
                break;
        }
    }

    private static ReadOnlySpan<byte> Sized(ReadOnlySpan<byte> payload, int length) => payload.Length == length
        ? payload
        : throw Error(Http2ErrorCode.FrameSizeError, $"The peer sent a frame of {payload.Length} bytes where {length} belong.");

    private void ReceiveHeaders(ReadOnlySpan<byte> payload)
    {
        if (_frame.StreamId == 0)
        {
            throw Error(Http2ErrorCode.ProtocolError, "The peer sent HEADERS on stream 0.");
        }

        var padding = 0;
        if (_frame.Has(Http2Flags.Padded))
        {
            padding = payload.IsEmpty ? 0 : payload[0];
            payload = payload.IsEmpty ? payload : payload[1..];
        }

        var skipped = _frame.Has(Http2Flags.Priority) ? Http2Frame.PriorityLength : 0;
        if (skipped + padding > payload.Length)
        {
            throw Error(Http2ErrorCode.ProtocolError, "The peer sent HEADERS shorter than their own padding.");
        }

        _headerStreamId = _frame.StreamId;
        _headerEndsStream = _frame.Has(Http2Flags.EndStream);
        _continuations = 0;
        TakeFragment(payload[skipped..^padding]);
    }

    private void ReceiveContinuation(ReadOnlySpan<byte> payload)
    {
        if (_headerStreamId == 0 || ++_continuations > ContinuationsMax)
        {
            throw Error(
                _headerStreamId == 0 ? Http2ErrorCode.ProtocolError : Http2ErrorCode.EnhanceYourCalm,
                "The peer sent a CONTINUATION out of place, or too many.");
        }

        TakeFragment(payload);
    }

    private void TakeFragment(ReadOnlySpan<byte> fragment)
    {
        // No compressed block of an allowed list is larger than the list itself.
        if (_headerBlock.WrittenCount + fragment.Length > Options.HeaderListBytesMax)
        {
            throw Error(Http2ErrorCode.EnhanceYourCalm, $"The peer sent a header block over the limit of {Options.HeaderListBytesMax} bytes.");
        }

        var whole = _frame.Has(Http2Flags.EndHeaders);
        if (whole && _headerBlock.WrittenCount == 0)
        {
            EndHeaders(fragment);
            return;
        }

        _headerBlock.Write(fragment);
        if (whole)
        {
            EndHeaders(_headerBlock.WrittenSpan);
            _headerBlock.ResetWrittenCount();
        }
    }

    /// <summary>Every block is decoded, even for a stream that is gone: the blocks share one table.</summary>
    private void EndHeaders(ReadOnlySpan<byte> block)
    {
        var fields = _decoder.Decode(block);
        var id = _headerStreamId;
        _headerStreamId = 0;
        if (Find(id) is { } stream)
        {
            ReceiveHeaders(stream, fields);
        }
        else if (IsIdle(id))
        {
            Accept(id, fields);
        }
    }

    private void ReceiveHeaders(Http2Stream stream, List<HeaderField> fields)
    {
        if (HeaderRules.Check(fields) is { } fault)
        {
            ResetStream(stream, Error(Http2ErrorCode.ProtocolError, fault));
        }
        else if (stream.Headers.IsCompleted)
        {
            if (!_headerEndsStream || stream.Ended)
            {
                ResetStream(stream, Error(Http2ErrorCode.ProtocolError, "The peer sent trailers that do not end the call."));
                return;
            }

            EndReceiving(stream, fields);
        }
        else if (!_headerEndsStream && HeaderRules.IsInformational(fields))
        {
            CountNuisance();
        }
        else if (_headerEndsStream)
        {
            EndReceiving(stream, fields);
        }
        else
        {
            stream.ReceiveHeaders(fields);
        }
    }

    private void Accept(int id, List<HeaderField> fields)
    {
        if (!_isServer || (id & 1) == 0)
        {
            throw Error(Http2ErrorCode.ProtocolError, $"The peer sent HEADERS on stream {id}, which it may not open.");
        }

        _lastPeerStreamId = id;
        var stream = new Http2Stream(this, GraceBytes) { Id = id };
        lock (_gate)
        {
            if (_failure is not null)
            {
                return;
            }

            var fault = HeaderRules.Check(fields) ?? HeaderRules.CheckRequest(fields);
            if (fault is not null || IsCrowded)
            {
                CountNuisance();
                QueueReset(id, fault is null ? Http2ErrorCode.RefusedStream : Http2ErrorCode.ProtocolError);
                CheckBacklog();
                Wake();
                return;
            }

            stream.SendWindow = _peerInitialWindow;
            _streams.Add(id, stream);
            _serving++;
        }

        stream.ReceiveHeaders(fields);
        if (_headerEndsStream)
        {
            EndReceiving(stream, trailers: null);
        }

        Serve(stream);
    }

    /// <summary>The peer has ended its half. For a caller that is the end: what it still wanted to send has no reader
    /// (grpc-go says so with RST_STREAM NO_ERROR, and so does this side).</summary>
    private void EndReceiving(Http2Stream stream, IReadOnlyList<HeaderField>? trailers)
    {
        stream.ReceiveEnd(trailers);
        _nuisance = Math.Max(0, _nuisance - 2);
        lock (_gate)
        {
            stream.RemoteClosed = true;
            if (!_isServer && !stream.LocalClosed)
            {
                CloseSending(stream, new Http2Exception(Http2ErrorCode.StreamClosed, "The peer has ended the call already."));
                QueueReset(stream.Id, Http2ErrorCode.NoError);
                Wake();
            }

            if (stream.LocalClosed)
            {
                Forget(stream);
            }
        }
    }

    private void ReceiveReset(ReadOnlySpan<byte> payload)
    {
        if (_frame.StreamId == 0 || IsIdle(_frame.StreamId))
        {
            throw Error(Http2ErrorCode.ProtocolError, $"The peer reset stream {_frame.StreamId}, which nobody opened.");
        }

        CountNuisance();
        if (Find(_frame.StreamId) is not { } stream)
        {
            return;
        }

        var code = (Http2ErrorCode)BinaryPrimitives.ReadInt32BigEndian(payload);
        var reason = new Http2Exception(code, $"The peer reset the call ({code}).") { ByPeer = true };
        lock (_gate)
        {
            stream.RemoteClosed = true;
            CloseSending(stream, reason);
            Forget(stream);
        }

        stream.ReceiveFailure(reason);
    }

    private void ReceiveSettings(ReadOnlySpan<byte> payload)
    {
        var ack = _frame.Has(Http2Flags.Ack);
        if (_frame.StreamId != 0 || payload.Length % Http2Frame.SettingLength != 0 || (ack && !payload.IsEmpty))
        {
            throw Error(Http2ErrorCode.FrameSizeError, "The peer sent malformed SETTINGS.");
        }

        if (ack)
        {
            Volatile.Write(ref _settingsAcked, true);
            return;
        }

        if (_settingsSeen)
        {
            CountNuisance();
        }

        lock (_gate)
        {
            // Without a limit in its first SETTINGS, a peer has none.
            _peerStreamsMax = _settingsSeen ? _peerStreamsMax : int.MaxValue;
            _settingsSeen = true;
            for (; !payload.IsEmpty; payload = payload[Http2Frame.SettingLength..])
            {
                Apply(
                    (Http2Setting)BinaryPrimitives.ReadUInt16BigEndian(payload),
                    BinaryPrimitives.ReadUInt32BigEndian(payload[2..]));
            }

            // In order with the streams' frames: what stands in the send buffer was framed under the old settings.
            new Http2FrameHeader(0, Http2FrameType.Settings, Http2Flags.Ack, StreamId: 0).Write(Extend(Http2Frame.HeaderLength));
            CheckBacklog();
            ServeWaiting();
            Wake();
        }
    }

    private void Apply(Http2Setting setting, uint value)
    {
        switch (setting)
        {
            case Http2Setting.MaxConcurrentStreams:
                _peerStreamsMax = (int)Math.Min(value, int.MaxValue);
                break;
            case Http2Setting.InitialWindowSize when value > Http2Frame.WindowBytesLimit:
                throw Error(Http2ErrorCode.FlowControlError, $"The peer announced a window of {value} bytes.");
            case Http2Setting.InitialWindowSize:
                // The change applies to open streams too, and may leave a window negative (RFC 9113 §6.9.2).
                var change = (long)value - _peerInitialWindow;
                _peerInitialWindow = (int)value;
                foreach (var stream in _streams.Values)
                {
                    stream.SendWindow = Widened(stream.SendWindow, change);
                }

                break;
            case Http2Setting.MaxFrameSize when value is < Http2Frame.DefaultPayloadBytesMax or > Http2Frame.PayloadBytesLimit:
                throw Error(Http2ErrorCode.ProtocolError, $"The peer announced frames of {value} bytes.");
            case Http2Setting.MaxFrameSize:
                _peerFrameBytesMax = (int)value;
                break;
            default:
                // HEADER_TABLE_SIZE: this side's table stays empty. MAX_HEADER_LIST_SIZE is advice. The rest is unknown.
                break;
        }
    }

    private static long Widened(long window, long change) => window + change <= Http2Frame.WindowBytesLimit
        ? window + change
        : throw Error(Http2ErrorCode.FlowControlError, "The peer opened a window beyond 2^31-1 bytes.");

    private void ReceivePing(ReadOnlySpan<byte> payload)
    {
        if (_frame.StreamId != 0)
        {
            throw Error(Http2ErrorCode.ProtocolError, "The peer sent a PING on a stream.");
        }

        if (!_frame.Has(Http2Flags.Ack))
        {
            lock (_gate)
            {
                if (_controlEnd > ControlBytesMax)
                {
                    throw Error(Http2ErrorCode.EnhanceYourCalm, "The peer sends PINGs faster than it reads the answers.");
                }

                QueueControl(Http2FrameType.Ping, Http2Flags.Ack, streamId: 0, payload);
                Wake();
            }
        }
    }

    private void ReceiveGoAway(ReadOnlySpan<byte> payload)
    {
        if (_frame.StreamId != 0 || payload.Length < Http2Frame.GoAwayLength)
        {
            throw Error(Http2ErrorCode.ProtocolError, "The peer sent a malformed GOAWAY.");
        }

        var last = BinaryPrimitives.ReadInt32BigEndian(payload) & 0x7fffffff;
        var code = (Http2ErrorCode)BinaryPrimitives.ReadInt32BigEndian(payload[4..]);
        _farewell = FarewellOf(code, payload[Http2Frame.GoAwayLength..]);
        if (_isServer)
        {
            return;
        }

        var refused = new Http2Exception(Http2ErrorCode.RefusedStream, _farewell);
        List<Http2Stream> untaken;
        lock (_gate)
        {
            _peerLeaves = _farewell;
            FailOpening(refused);
            untaken = [.. _streams.Values.Where(stream => stream.Id > last)];
            foreach (var stream in untaken)
            {
                stream.RemoteClosed = true;
                CloseSending(stream, refused);
                _streams.Remove(stream.Id);
            }
        }

        untaken.ForEach(stream => stream.ReceiveFailure(refused));
    }

    private static string FarewellOf(Http2ErrorCode code, ReadOnlySpan<byte> debug)
    {
        var said = System.Text.Encoding.ASCII.GetString(debug[..Math.Min(debug.Length, 200)]);
        var clean = string.Concat(said.Where(character => character is >= ' ' and <= '~'));
        return code == Http2ErrorCode.NoError && clean.Length == 0
            ? "The peer is closing the connection."
            : $"The peer is closing the connection ({code}{(clean.Length == 0 ? "" : ": ")}{clean}).";
    }

    private void ReceiveWindowUpdate(ReadOnlySpan<byte> payload)
    {
        var bytes = BinaryPrimitives.ReadInt32BigEndian(payload) & 0x7fffffff;
        if (bytes == 0 || IsIdle(_frame.StreamId))
        {
            throw Error(Http2ErrorCode.ProtocolError, "The peer opened a window by nothing, or one that is not there.");
        }

        lock (_gate)
        {
            if (_frame.StreamId == 0)
            {
                _sendWindow = Widened(_sendWindow, bytes);
            }
            else if (_streams.TryGetValue(_frame.StreamId, out var stream))
            {
                stream.SendWindow = Widened(stream.SendWindow, bytes);
            }

            ServeWaiting();
            Wake();
        }
    }

    private Http2Stream? Find(int id)
    {
        lock (_gate)
        {
            return _streams.GetValueOrDefault(id);
        }
    }

    /// <summary>No HEADERS have opened this stream yet.</summary>
    private bool IsIdle(int id)
    {
        if (id == 0)
        {
            return false;
        }

        if (_isServer == ((id & 1) == 1))
        {
            return id > _lastPeerStreamId;
        }

        lock (_gate)
        {
            return id >= _nextStreamId;
        }
    }

    private void CountNuisance()
    {
        if (++_nuisance > NuisanceMax)
        {
            throw Error(Http2ErrorCode.EnhanceYourCalm, "The peer sends too many frames that carry nothing.");
        }
    }

    /// <summary>Resets and acknowledgements are not held back by anything, so a peer that provokes them must also read them.</summary>
    private void CheckBacklog()
    {
        if (_fillEnd > _sendBufferBytes + (2 * Options.HeaderListBytesMax))
        {
            throw Error(Http2ErrorCode.EnhanceYourCalm, "The peer provokes answers faster than it reads them.");
        }
    }

    private static Http2Exception Error(Http2ErrorCode code, string message) => new(code, message);
}
