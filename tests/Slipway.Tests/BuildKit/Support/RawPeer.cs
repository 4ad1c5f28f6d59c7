using System.Buffers;
using System.Buffers.Binary;
using Slipway.BuildKit.Http2;
using Xunit;

namespace Slipway.Tests.BuildKit.Support;

/// <summary>One end of a connection that sends and sees single frames, and breaks the rules when told to.</summary>
internal sealed class RawPeer(Stream stream) : IAsyncDisposable
{
    private readonly HpackDecoder _decoder = new();

    public static byte[] Block(params HeaderField[] fields)
    {
        var output = new ArrayBufferWriter<byte>();
        HpackEncoder.Write(output, fields);
        return output.WrittenSpan.ToArray();
    }

    public static byte[] Request(string path = "/t.T/Echo") => Block(
        new(":method", "POST"), new(":scheme", "http"), new(":path", path), new("content-type", "application/grpc"), new("te", "trailers"));

    public static byte[] Response() => Block(new(":status", "200"), new("content-type", "application/grpc"));

    public static byte[] Trailers(int status = 0) => Block(
        new HeaderField("grpc-status", status.ToString(System.Globalization.CultureInfo.InvariantCulture)));

    public static byte[] Number(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    public static byte[] Setting(Http2Setting setting, int value) => [(byte)((int)setting >> 8), (byte)setting, .. Number(value)];

    /// <summary>A gRPC message.</summary>
    public static byte[] Message(params byte[] payload) => [0, .. Number(payload.Length), .. payload];

    public async Task SendAsync(Http2FrameType type, Http2Flags flags, int streamId, byte[]? payload = null)
    {
        var bytes = new byte[Http2Frame.HeaderLength + (payload?.Length ?? 0)];
        new Http2FrameHeader(payload?.Length ?? 0, type, flags, streamId).Write(bytes);
        payload?.CopyTo(bytes, Http2Frame.HeaderLength);
        await stream.WriteAsync(bytes);
        await stream.FlushAsync(CancellationToken.None);
    }

    public async Task SendRawAsync(byte[] bytes)
    {
        await stream.WriteAsync(bytes);
        await stream.FlushAsync(CancellationToken.None);
    }

    /// <summary>Starts as a client.</summary>
    public async Task ConnectAsync(params byte[] settings)
    {
        await SendRawAsync(Http2Frame.ClientPreface.ToArray());
        await SendAsync(Http2FrameType.Settings, Http2Flags.None, 0, settings);
    }

    /// <summary>Starts as a server.</summary>
    public async Task AcceptAsync(params byte[] settings)
    {
        var preface = new byte[Http2Frame.ClientPreface.Length];
        await stream.ReadExactlyAsync(preface);
        Assert.Equal(Http2Frame.ClientPreface.ToArray(), preface);
        await SendAsync(Http2FrameType.Settings, Http2Flags.None, 0, settings);
    }

    public async Task<(Http2FrameHeader Header, byte[] Payload)> ReadAsync()
    {
        var bytes = new byte[Http2Frame.HeaderLength];
        await stream.ReadExactlyAsync(bytes);
        var header = Http2FrameHeader.Read(bytes);
        var payload = new byte[header.Length];
        await stream.ReadExactlyAsync(payload);
        return (header, payload);
    }

    /// <summary>The next frame of a type; others are passed over.</summary>
    public async Task<(Http2FrameHeader Header, byte[] Payload)> ReadAsync(Http2FrameType type)
    {
        while (true)
        {
            var frame = await ReadAsync();
            if (frame.Header.Type == type)
            {
                return frame;
            }
        }
    }

    public async Task<(int StreamId, List<HeaderField> Fields)> ReadHeadersAsync()
    {
        var (header, payload) = await ReadAsync(Http2FrameType.Headers);
        var block = payload.ToList();
        while (!header.Has(Http2Flags.EndHeaders))
        {
            (header, payload) = await ReadAsync();
            Assert.Equal(Http2FrameType.Continuation, header.Type);
            block.AddRange(payload);
        }

        return (header.StreamId, _decoder.Decode(block.ToArray()));
    }

    public async Task<Http2ErrorCode> ReadResetAsync() =>
        (Http2ErrorCode)BinaryPrimitives.ReadInt32BigEndian((await ReadAsync(Http2FrameType.RstStream)).Payload);

    public async Task<Http2ErrorCode> ReadGoAwayAsync() =>
        (Http2ErrorCode)BinaryPrimitives.ReadInt32BigEndian((await ReadAsync(Http2FrameType.GoAway)).Payload.AsSpan(4));

    public ValueTask DisposeAsync() => stream.DisposeAsync();
}
