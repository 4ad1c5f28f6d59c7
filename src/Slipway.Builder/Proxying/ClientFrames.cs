using System.Buffers.Binary;
using Slipway.BuildKit.Http2;

namespace Slipway.Builder.Proxying;

/// <summary>What happens to the frames that a client sends.</summary>
internal sealed class ClientFrames(RelayExchange exchange, FrameSink toEngine, FloodGuard floods)
    : ILaneHandler, IDisposable
{
    private readonly HeaderBlocks _blocks = new();
    private RelayStream? _stream;
    private bool _endStream;
    private bool _queued;
    private bool _settingsSeen;

    /// <summary>Requests that pass are not looked into.</summary>
    public bool Watches => false;

    public FrameFate BeginData(Http2FrameHeader frame, Span<byte> header)
    {
        Require(_settingsSeen && !_blocks.IsOpen, "a DATA frame out of place");
        exchange.Up.Sender -= frame.Length;
        if (exchange.Up.Sender < 0)
        {
            throw new Http2Exception(Http2ErrorCode.FlowControlError, "The client sent more than the connection's window.");
        }

        _stream = exchange.OfClient(frame.StreamId);
        _endStream = frame.Has(Http2Flags.EndStream);
        _queued = false;
        if (frame.Length == 0 && !_endStream)
        {
            floods.CountEmpty();
        }

        if (_stream is not { } stream)
        {
            return FrameFate.Take;
        }

        if (stream.ClientEnded)
        {
            throw new Http2Exception(Http2ErrorCode.StreamClosed, $"The client sent data on stream {stream.ClientId} after ending it.");
        }

        if (stream.Phase != StreamPhase.Passing)
        {
            stream.ClientCredit -= frame.Length;
            return FrameFate.Take;
        }

        if (exchange.Up.Queue.Count > 0 || exchange.Up.Receiver < frame.Length)
        {
            _queued = true;
            return FrameFate.Take;
        }

        exchange.Up.Receiver -= frame.Length;
        BinaryPrimitives.WriteInt32BigEndian(header[5..], stream.EngineId);
        return FrameFate.Pass;
    }

    public void Take(ReadOnlySpan<byte> piece)
    {
        if (_stream is not { } stream)
        {
            return;
        }

        if (_queued)
        {
            exchange.Up.Enqueue(new QueuedFrame(stream, stream.EngineId, piece.ToArray(), isData: true));
            return;
        }

        exchange.TakeHeld(stream, piece);
        if (exchange.OfClient(stream.ClientId) is null)
        {
            // Refused on the way: the rest of the frame is nobody's.
            _stream = null;
        }
    }

    public void EndData()
    {
        if (_stream is not { } stream)
        {
            return;
        }

        if (_queued && _endStream)
        {
            exchange.Up.Enqueue(new QueuedFrame(stream, stream.EngineId, default, isData: true, endStream: true));
        }

        if (_endStream)
        {
            exchange.EndClient(stream);
        }
        else
        {
            exchange.TopUp(stream);
        }
    }

    public FrameFate Judge(Http2FrameHeader frame, Span<byte> whole)
    {
        var payload = whole[Http2Frame.HeaderLength..];
        Require(_settingsSeen || frame.Type == Http2FrameType.Settings, "another frame than SETTINGS first");
        Require(!_blocks.IsOpen || frame.Type == Http2FrameType.Continuation, "a frame inside a header block");
        switch (frame.Type)
        {
            case Http2FrameType.Headers or Http2FrameType.Continuation:
                if (_blocks.TryTake(frame, payload, out var list))
                {
                    exchange.TakeRequest(list);
                }

                return FrameFate.Take;
            case Http2FrameType.Settings:
                return JudgeSettings(frame, payload);
            case Http2FrameType.Ping:
                Require(frame.StreamId == 0 && payload.Length == Http2Frame.PingLength, "a malformed PING");
                floods.CountPing();
                return FrameFate.Pass;
            case Http2FrameType.RstStream:
                Require(payload.Length == Http2Frame.RstStreamLength, "a malformed RST_STREAM");
                JudgeReset(frame.StreamId, BinaryPrimitives.ReadUInt32BigEndian(payload));
                return FrameFate.Take;
            case Http2FrameType.WindowUpdate:
                return JudgeWindowUpdate(frame, whole);
            case Http2FrameType.GoAway:
                // Its stream id speaks of streams that an engine opens, of which there are none.
                Require(payload.Length >= Http2Frame.GoAwayLength, "a malformed GOAWAY");
                return FrameFate.Pass;
            case Http2FrameType.PushPromise:
                throw new Http2Exception(Http2ErrorCode.ProtocolError, "The client sent a PUSH_PROMISE.");
            default:
                // PRIORITY says nothing to either side (RFC 9113 §5.3.2); unknown frames are to be ignored (§5.5).
                return FrameFate.Take;
        }
    }

    public void EndTurn() => exchange.Settle();

    public void Dispose() => _blocks.Dispose();

    private FrameFate JudgeSettings(Http2FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        Require(frame.StreamId == 0, "a malformed SETTINGS");
        if (frame.Has(Http2Flags.Ack))
        {
            Require(_settingsSeen && payload.Length == 0, "a malformed SETTINGS");
            return FrameFate.Pass;
        }

        _settingsSeen = toEngine.IsOpen = true;
        floods.CountSettings();
        FrameWriter.Settings(toEngine.Own(), exchange.ClientSettings.Take(payload, out var windowChange));
        exchange.MoveClientWindows(windowChange);
        return FrameFate.Take;
    }

    private void JudgeReset(int streamId, uint code)
    {
        if (exchange.OfClient(streamId) is { } stream)
        {
            if (stream.EngineId != 0)
            {
                floods.CountReset();
            }

            exchange.ResetByClient(stream, code);
        }
    }

    private FrameFate JudgeWindowUpdate(Http2FrameHeader frame, Span<byte> whole)
    {
        Require(frame.Length == Http2Frame.WindowUpdateLength, "a malformed WINDOW_UPDATE");
        var increment = BinaryPrimitives.ReadUInt32BigEndian(whole[Http2Frame.HeaderLength..]) & 0x7fffffff;
        if (frame.StreamId == 0)
        {
            exchange.Down.Extend(increment);
            exchange.SendWaitingToClient();
            return FrameFate.Take;
        }

        if (exchange.OfClient(frame.StreamId) is not { } stream)
        {
            return FrameFate.Take;
        }

        if (stream.EngineId == 0)
        {
            if (!exchange.TryExtend(stream, byEngine: false, increment))
            {
                stream.EarlyGrant += increment;
            }

            return FrameFate.Take;
        }

        if (exchange.Up.Queue.Count > 0)
        {
            // The call's own headers may still be waiting there.
            exchange.GrantEngine(stream, increment);
            return FrameFate.Take;
        }

        BinaryPrimitives.WriteInt32BigEndian(whole[5..], stream.EngineId);
        return FrameFate.Pass;
    }

    private static void Require(bool condition, string otherwise)
    {
        if (!condition)
        {
            throw new Http2Exception(Http2ErrorCode.ProtocolError, $"The client sent {otherwise}.");
        }
    }
}
