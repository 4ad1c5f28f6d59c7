using System.Buffers;
using System.Buffers.Binary;
using Slipway.BuildKit.Http2;

namespace Slipway.Bench.Identity;

/// <summary>One HTTP/2 request as bytes, made once: only the stream's number is written into it when it is sent.</summary>
internal sealed class PreparedCall
{
    private const int StreamIdAt = 5;
    private readonly byte[] _frames;
    private readonly int _dataAt;

    private PreparedCall(byte[] frames, int dataAt) => (_frames, _dataAt) = (frames, dataAt);

    /// <summary>A Connect call.</summary>
    public static PreparedCall Post(string authority, string path, string token, ReadOnlySpan<byte> message)
    {
        var headers = Block(
        [
            new(":method", "POST"), new(":scheme", "http"), new(":authority", authority), new(":path", path), new("content-type", "application/proto"),
            new("authorization", "Bearer " + token),
        ]);
        var dataAt = Http2Frame.HeaderLength + headers.Length;
        var frames = new byte[dataAt + Http2Frame.HeaderLength + message.Length];
        Put(frames, Http2FrameType.Headers, Http2Flags.EndHeaders, headers);
        Put(frames.AsSpan(dataAt), Http2FrameType.Data, Http2Flags.EndStream, message);
        return new PreparedCall(frames, dataAt);
    }

    public static PreparedCall Get(string authority, string path)
    {
        var headers = Block([new(":method", "GET"), new(":scheme", "http"), new(":authority", authority), new(":path", path)]);
        var frames = new byte[Http2Frame.HeaderLength + headers.Length];
        Put(frames, Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, headers);
        return new PreparedCall(frames, dataAt: 0);
    }

    public void Write(IBufferWriter<byte> output, int streamId)
    {
        var span = output.GetSpan(_frames.Length);
        _frames.CopyTo(span);
        BinaryPrimitives.WriteInt32BigEndian(span[StreamIdAt..], streamId);
        BinaryPrimitives.WriteInt32BigEndian(span[(_dataAt + StreamIdAt)..], streamId);
        output.Advance(_frames.Length);
    }

    // Without Huffman and dynamic table: the same bytes are good on every connection.
    private static ReadOnlySpan<byte> Block(HeaderField[] fields)
    {
        var block = new ArrayBufferWriter<byte>();
        HpackEncoder.Write(block, fields);
        return block.WrittenSpan;
    }

    private static void Put(Span<byte> destination, Http2FrameType type, Http2Flags flags, ReadOnlySpan<byte> payload)
    {
        new Http2FrameHeader(payload.Length, type, flags, StreamId: 0).Write(destination);
        payload.CopyTo(destination[Http2Frame.HeaderLength..]);
    }
}
