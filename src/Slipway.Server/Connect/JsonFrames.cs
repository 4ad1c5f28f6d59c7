using System.Buffers;
using System.IO.Compression;
using System.IO.Pipelines;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Slipway.Contract;
using Slipway.Contract.Connect;

namespace Slipway.Server.Connect;

/// <summary>Reads a stream of JSON envelopes as a stream of protobuf envelopes.</summary>
internal sealed class JsonToProtoFrames(Stream body, MessageDescriptor type) : FrameStream
{
    private readonly PipeReader _input = PipeReader.Create(body, new StreamPipeReaderOptions(leaveOpen: true));
    private ReadOnlyMemory<byte> _ready;

    public override bool CanRead => true;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_ready.IsEmpty)
        {
            var read = await _input.ReadAsync(cancellationToken);
            var rest = read.Buffer;
            if (Envelope.TryRead(ref rest, Limits.MessageBytesMax, out var envelope))
            {
                _ready = Translate(envelope);
                _input.AdvanceTo(rest.Start);
                continue;
            }

            _input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (read.IsCompleted)
            {
                return read.Buffer.IsEmpty ? 0 : throw new IOException("The request ends inside an envelope.");
            }
        }

        var count = Math.Min(buffer.Length, _ready.Length);
        _ready[..count].CopyTo(buffer);
        _ready = _ready[count..];
        return count;
    }

    private byte[] Translate(Envelope envelope)
    {
        if ((envelope.Flags & Envelope.EndOfStream) != 0)
        {
            return [];
        }

        var json = (envelope.Flags & Envelope.Compressed) != 0 ? Decompress(envelope.Payload) : envelope.Payload.ToArray();
        try
        {
            return Envelope.Frame(0, RpcMethods.JsonToProto(type, Encoding.UTF8.GetString(json)));
        }
        catch (Exception failure) when (failure is InvalidProtocolBufferException or InvalidJsonException or FormatException)
        {
            throw new ApiException(ConnectCode.InvalidArgument, $"the message is not a {type.FullName}: {failure.Message.TrimEnd('.')}");
        }
    }

    private static byte[] Decompress(ReadOnlySequence<byte> payload)
    {
        using var gzip = new GZipStream(new MemoryStream(payload.ToArray()), CompressionMode.Decompress);
        var plain = new byte[Limits.MessageBytesMax + 1];
        var length = gzip.ReadAtLeast(plain, plain.Length, throwOnEndOfStream: false);
        return length <= Limits.MessageBytesMax
            ? plain[..length]
            : throw new ApiException(ConnectCode.ResourceExhausted, $"the message is larger than {Limits.MessageBytesMax} bytes");
    }
}

/// <summary>Takes protobuf envelopes, in whatever pieces they are written, and passes JSON envelopes on.</summary>
internal sealed class ProtoFramesToJson(Stream output, MessageDescriptor type) : FrameStream
{
    private readonly ArrayBufferWriter<byte> _unread = new();

    public override bool CanWrite => true;

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _unread.Write(buffer.Span);
        var rest = new ReadOnlySequence<byte>(_unread.WrittenMemory.ToArray());
        while (Envelope.TryRead(ref rest, int.MaxValue, out var envelope))
        {
            var json = Encoding.UTF8.GetBytes(RpcMethods.ProtoToJson(type, envelope.Payload.ToArray()));
            await output.WriteAsync(Envelope.Frame(0, json), cancellationToken);
        }

        _unread.ResetWrittenCount();
        _unread.Write(rest.ToArray());
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => output.FlushAsync(cancellationToken);
}
