using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Slipway.BuildKit.Http2;
using Xunit;

namespace Slipway.Tests.Builder.Proxying;

/// <summary>One end of an HTTP/2 connection, frame by frame as a test says.</summary>
internal sealed class FramePeer(Stream stream) : IAsyncDisposable
{
    private readonly HpackDecoder _decoder = new();

    public Stream Stream { get; } = stream;

    public static byte[] Frame(Http2FrameType type, Http2Flags flags, int streamId, ReadOnlySpan<byte> payload)
    {
        var frame = new byte[Http2Frame.HeaderLength + payload.Length];
        new Http2FrameHeader(payload.Length, type, flags, streamId).Write(frame);
        payload.CopyTo(frame.AsSpan(Http2Frame.HeaderLength));
        return frame;
    }

    public static byte[] Number(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    public static byte[] Setting(Http2Setting name, uint value) => [(byte)((int)name >> 8), (byte)name, .. Number(value)];

    public static byte[] Block(params HeaderField[] fields)
    {
        var block = new ArrayBufferWriter<byte>();
        HpackEncoder.Write(block, fields);
        return block.WrittenSpan.ToArray();
    }

    public static HeaderField[] Request(string path, params HeaderField[] more) =>
    [
        new(":method", "POST"), new(":scheme", "http"), new(":path", path), new(":authority", "engine"),
        new("content-type", "application/grpc"), new("te", "trailers"), .. more,
    ];

    public static byte[] Message(ReadOnlySpan<byte> message) => [0, .. Number((uint)message.Length), .. message];

    public Task SendAsync(params byte[][] frames) => Stream.WriteAsync(frames.SelectMany(frame => frame).ToArray()).AsTask();

    public Task OpenClientAsync(params byte[][] settings) => SendAsync(
        Http2Frame.ClientPreface.ToArray(), Frame(Http2FrameType.Settings, 0, 0, settings.SelectMany(setting => setting).ToArray()));

    public Task OpenServerAsync(params byte[][] settings) =>
        SendAsync(Frame(Http2FrameType.Settings, 0, 0, settings.SelectMany(setting => setting).ToArray()));

    public Task SendHeadersAsync(int streamId, HeaderField[] fields, bool endStream = false) =>
        SendAsync(Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | (endStream ? Http2Flags.EndStream : 0), streamId, Block(fields)));

    public Task SendDataAsync(int streamId, byte[] data, bool endStream = false) =>
        SendAsync(Frame(Http2FrameType.Data, endStream ? Http2Flags.EndStream : 0, streamId, data));

    public Task SendWindowAsync(int streamId, uint increment) => SendAsync(Frame(Http2FrameType.WindowUpdate, 0, streamId, Number(increment)));

    /// <summary>Skips the client preface, as a server must.</summary>
    public async Task<FramePeer> AcceptPrefaceAsync()
    {
        var preface = new byte[Http2Frame.ClientPreface.Length];
        await Stream.ReadExactlyAsync(preface);
        Assert.Equal(Http2Frame.ClientPreface.ToArray(), preface);
        return this;
    }

    /// <summary>The next frame; null at the end of the connection. Header blocks come whole and decoded.</summary>
    public async Task<PeerFrame?> ReadAsync()
    {
        var header = new byte[Http2Frame.HeaderLength];
        var count = await Stream.ReadAtLeastAsync(header, header.Length, throwOnEndOfStream: false);
        if (count < header.Length)
        {
            return null;
        }

        var head = Http2FrameHeader.Read(header);
        var payload = new byte[head.Length];
        await Stream.ReadExactlyAsync(payload);
        if (head.Type != Http2FrameType.Headers)
        {
            return new PeerFrame(head, payload, []);
        }

        var block = payload.ToList();
        for (var part = head; !part.Has(Http2Flags.EndHeaders);)
        {
            await Stream.ReadExactlyAsync(header);
            part = Http2FrameHeader.Read(header);
            Assert.Equal(Http2FrameType.Continuation, part.Type);
            payload = new byte[part.Length];
            await Stream.ReadExactlyAsync(payload);
            block.AddRange(payload);
        }

        return new PeerFrame(head, [.. block], _decoder.Decode(block.ToArray()));
    }

    /// <summary>The next frame of a type; others before it are dropped.</summary>
    public async Task<PeerFrame> ReadAsync(Http2FrameType type, int? streamId = null)
    {
        while (await ReadAsync() is { } frame)
        {
            if (frame.Head.Type == type && (streamId is null || frame.Head.StreamId == streamId))
            {
                return frame;
            }
        }

        throw new EndOfStreamException($"The connection ended before a {type} frame came.");
    }

    /// <summary>Everything until the connection ends.</summary>
    public async Task<List<PeerFrame>> ReadToEndAsync()
    {
        var frames = new List<PeerFrame>();
        try
        {
            while (await ReadAsync() is { } frame)
            {
                frames.Add(frame);
            }
        }
        catch (IOException)
        {
            // Reset instead of closed; what came before counts.
        }

        return frames;
    }

    public ValueTask DisposeAsync() => Stream.DisposeAsync();
}

internal sealed record PeerFrame(Http2FrameHeader Head, byte[] Payload, IReadOnlyList<HeaderField> Fields)
{
    public bool EndStream => Head.Has(Http2Flags.EndStream);

    public uint Value => BinaryPrimitives.ReadUInt32BigEndian(Payload) & 0x7fffffff;

    public string? this[string name] => Fields.FirstOrDefault(field => field.Name == name).Value;

    public int Status => int.Parse(this["grpc-status"] ?? "-1", CultureInfo.InvariantCulture);

    public string Text => Encoding.UTF8.GetString(Payload);
}
