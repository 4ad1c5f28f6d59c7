using System.Buffers.Binary;
using Slipway.BuildKit.Http2;

namespace Slipway.Builder.Proxying;

/// <summary>What happens to the frames that an engine sends.</summary>
internal sealed class EngineFrames(RelayExchange exchange, FrameSink toClient) : ILaneHandler, IDisposable
{
    private readonly HeaderBlocks _blocks = new();
    private RelayStream? _stream;
    private bool _endStream;
    private bool _queued;

    public bool Watches => _stream?.Watch is { Reads: true };

    public FrameFate BeginData(Http2FrameHeader frame, Span<byte> header)
    {
        Require(toClient.IsOpen && !_blocks.IsOpen, "a DATA frame out of place");
        exchange.Down.Sender -= frame.Length;
        if (exchange.Down.Sender < 0)
        {
            throw new Http2Exception(Http2ErrorCode.FlowControlError, "The engine sent more than the connection's window.");
        }

        _stream = exchange.OfEngine(frame.StreamId);
        _endStream = frame.Has(Http2Flags.EndStream);
        _queued = false;
        if (_stream is not { EngineEnded: false } stream)
        {
            // On its way when the client reset the call.
            _stream = null;
            return FrameFate.Take;
        }

        if (exchange.Down.Queue.Count > 0 || exchange.Down.Receiver < frame.Length)
        {
            _queued = true;
            return FrameFate.Take;
        }

        exchange.Down.Receiver -= frame.Length;
        BinaryPrimitives.WriteInt32BigEndian(header[5..], stream.ClientId);
        return FrameFate.Pass;
    }

    public void Take(ReadOnlySpan<byte> piece)
    {
        if (_stream is not { } stream)
        {
            return;
        }

        if (Watches)
        {
            stream.Watch!.Observe(piece);
        }

        if (_queued)
        {
            exchange.Down.Enqueue(new QueuedFrame(stream, stream.ClientId, piece.ToArray(), isData: true));
        }
    }

    public void EndData()
    {
        if (_stream is not { } stream || !_endStream)
        {
            return;
        }

        if (_queued)
        {
            exchange.Down.Enqueue(new QueuedFrame(stream, stream.ClientId, default, isData: true, endStream: true));
        }

        exchange.EndEngine(stream);
    }

    public FrameFate Judge(Http2FrameHeader frame, Span<byte> whole)
    {
        var payload = whole[Http2Frame.HeaderLength..];
        Require(toClient.IsOpen || frame.Type == Http2FrameType.Settings, "another frame than SETTINGS first");
        Require(!_blocks.IsOpen || frame.Type == Http2FrameType.Continuation, "a frame inside a header block");
        switch (frame.Type)
        {
            case Http2FrameType.Headers or Http2FrameType.Continuation:
                if (_blocks.TryTake(frame, payload, out var list))
                {
                    exchange.TakeResponse(list);
                }

                return FrameFate.Take;
            case Http2FrameType.Settings:
                return JudgeSettings(frame, payload);
            case Http2FrameType.Ping:
                Require(frame.StreamId == 0 && payload.Length == Http2Frame.PingLength, "a malformed PING");
                return FrameFate.Pass;
            case Http2FrameType.RstStream:
                Require(payload.Length == Http2Frame.RstStreamLength, "a malformed RST_STREAM");
                if (exchange.OfEngine(frame.StreamId) is { } stream)
                {
                    exchange.ResetByEngine(stream, BinaryPrimitives.ReadUInt32BigEndian(payload));
                }

                return FrameFate.Take;
            case Http2FrameType.WindowUpdate:
                return JudgeWindowUpdate(frame, whole);
            case Http2FrameType.GoAway:
                Require(payload.Length >= Http2Frame.GoAwayLength, "a malformed GOAWAY");
                PassGoAway(payload);
                return FrameFate.Take;
            case Http2FrameType.PushPromise:
                throw new Http2Exception(Http2ErrorCode.ProtocolError, "The engine sent a PUSH_PROMISE.");
            default:
                return FrameFate.Take;
        }
    }

    public void EndTurn() => exchange.Settle();

    public void Dispose() => _blocks.Dispose();

    private FrameFate JudgeSettings(Http2FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        if (frame.Has(Http2Flags.Ack))
        {
            Require(toClient.IsOpen && payload.Length == 0, "a malformed SETTINGS");
            return FrameFate.Pass;
        }

        toClient.IsOpen = true;
        FrameWriter.Settings(toClient.Own(), exchange.EngineSettings.Take(payload, out var windowChange));
        exchange.MoveEngineWindows(windowChange);
        return FrameFate.Take;
    }

    private FrameFate JudgeWindowUpdate(Http2FrameHeader frame, Span<byte> whole)
    {
        Require(frame.Length == Http2Frame.WindowUpdateLength, "a malformed WINDOW_UPDATE");
        var increment = BinaryPrimitives.ReadUInt32BigEndian(whole[Http2Frame.HeaderLength..]) & 0x7fffffff;
        if (frame.StreamId == 0)
        {
            exchange.Up.Extend(increment);
            exchange.SendWaitingToEngine();
            return FrameFate.Take;
        }

        if (exchange.OfEngine(frame.StreamId) is not { } stream)
        {
            return FrameFate.Take;
        }

        if (stream.Verdict is CallVerdict.Hold)
        {
            exchange.TryExtend(stream, byEngine: true, increment);
            return FrameFate.Take;
        }

        if (!exchange.TryGrantClient(stream, increment, out var granted))
        {
            return FrameFate.Take;
        }

        BinaryPrimitives.WriteInt32BigEndian(whole[5..], stream.ClientId);
        BinaryPrimitives.WriteUInt32BigEndian(whole[Http2Frame.HeaderLength..], granted);
        return FrameFate.Pass;
    }

    /// <summary>The sides number streams differently: the client is told that all of its streams may have been seen, and the calls
    /// that the engine has not seen are reset one by one.</summary>
    private void PassGoAway(ReadOnlySpan<byte> payload)
    {
        var lastEngineId = BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue;
        var code = BinaryPrimitives.ReadUInt32BigEndian(payload[4..]);
        var lastClientId = lastEngineId == int.MaxValue ? int.MaxValue : exchange.LastClientId;
        FrameWriter.GoAway(toClient.Own(), lastClientId, code, payload[Http2Frame.GoAwayLength..]);
        exchange.DropBeyond(lastEngineId);
    }

    private static void Require(bool condition, string otherwise)
    {
        if (!condition)
        {
            throw new Http2Exception(Http2ErrorCode.ProtocolError, $"The engine sent {otherwise}.");
        }
    }
}
