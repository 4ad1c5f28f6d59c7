using System.Buffers;
using Slipway.BuildKit.Http2;

namespace Slipway.Builder.Proxying;

/// <summary>Puts one direction's header blocks together and decodes every one of them, also those that go nowhere:
/// each may change the sender's table (RFC 7541 §2.2).</summary>
internal sealed class HeaderBlocks : IDisposable
{
    private readonly HpackDecoder _decoder = new();
    private readonly ByteBuffer _block = new();
    private int _streamId;
    private int _continuations;
    private bool _endStream;

    /// <summary>A block has begun and not ended: nothing but its CONTINUATIONs may come (RFC 9113 §6.10).</summary>
    public bool IsOpen => _streamId != 0;

    /// <summary>Takes a HEADERS or CONTINUATION frame.</summary>
    /// <returns>Whether the block is whole.</returns>
    public bool TryTake(Http2FrameHeader frame, ReadOnlySpan<byte> payload, out HeaderList list)
    {
        list = default;
        if (frame.StreamId == 0 || (frame.Type == Http2FrameType.Continuation) != IsOpen || (IsOpen && frame.StreamId != _streamId))
        {
            throw new Http2Exception(Http2ErrorCode.ProtocolError, $"The peer sent a {frame.Type} frame out of place.");
        }

        if (frame.Type == Http2FrameType.Headers)
        {
            payload = WithoutPadding(frame, payload);
            (_streamId, _endStream, _continuations) = (frame.StreamId, frame.Has(Http2Flags.EndStream), 0);
        }

        if (_block.Length + payload.Length > RelayLimits.HeaderBlockBytesMax || _continuations++ > RelayLimits.ContinuationsMax)
        {
            throw new Http2Exception(
                Http2ErrorCode.EnhanceYourCalm, $"The peer sent a header block over {RelayLimits.HeaderBlockBytesMax} bytes.");
        }

        _block.Append(payload);
        if (!frame.Has(Http2Flags.EndHeaders))
        {
            return false;
        }

        list = new HeaderList(_streamId, _decoder.Decode(_block.Span), _endStream);
        _block.Clear();
        _streamId = 0;
        return true;
    }

    /// <summary>Encodes a block that depends on no other.</summary>
    public static byte[] Encode(IEnumerable<HeaderField> fields)
    {
        var block = new ArrayBufferWriter<byte>(256);

        // In every block: a peer that offers a smaller table than the default wants to see it taken up in the next one
        // (RFC 7541 §4.2), and this costs one byte.
        HpackEncoder.WriteTableSizeZero(block);
        HpackEncoder.Write(block, fields);
        return block.WrittenSpan.ToArray();
    }

    public void Dispose() => _block.Dispose();

    private static ReadOnlySpan<byte> WithoutPadding(Http2FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        var padding = 0;
        if (frame.Has(Http2Flags.Padded) && payload.Length > 0)
        {
            padding = payload[0];
            payload = payload[1..];
        }

        var skipped = frame.Has(Http2Flags.Priority) ? Http2Frame.PriorityLength : 0;
        return skipped + padding <= payload.Length
            ? payload[skipped..^padding]
            : throw new Http2Exception(Http2ErrorCode.ProtocolError, "The peer sent a HEADERS frame with more padding than it holds.");
    }
}

/// <summary>One decoded header block.</summary>
internal readonly record struct HeaderList(int StreamId, List<HeaderField> Fields, bool EndStream);
