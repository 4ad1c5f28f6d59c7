using System.Buffers;
using Slipway.BuildKit.Grpc;

namespace Slipway.BuildKit.Session;

/// <summary>A stream of bytes inside the messages of a call (<c>moby.buildkit.v1.BytesMessage</c>, both ways).</summary>
/// <remarks>
/// | field | wire | meaning |
/// | 1 data | tag 0x0a, varint length, bytes | the next bytes; absent when empty |
/// Written by hand: every byte of a build's context passes here. One reader and one writer at a time, as the HTTP/2 connection inside has.
/// </remarks>
internal sealed class SessionStream(IGrpcStream call, Func<ValueTask>? close = null) : ForwardStream
{
    /// <summary>Older BuildKits take messages of at most 4 MiB; from 64 KiB up the wrapping costs nothing that can be measured.</summary>
    private const int DataBytesMax = 1024 * 1024;

    private const byte DataTag = 0x0a;

    private readonly byte[] _head = new byte[6];
    private GrpcMessage? _message;
    private ReadOnlySequence<byte> _unread;
    private int _closed;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_unread.IsEmpty)
        {
            _message?.Dispose();
            _message = await call.ReadAsync(cancellationToken);
            if (_message is null)
            {
                return 0;
            }

            _unread = DataOf(_message.Payload);
        }

        var count = (int)Math.Min(buffer.Length, _unread.Length);
        _unread.Slice(0, count).CopyTo(buffer.Span);
        _unread = _unread.Slice(count);
        return count;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (!buffer.IsEmpty)
        {
            var data = buffer[..Math.Min(buffer.Length, DataBytesMax)];
            var head = WriteHead(data.Length);
            await call.WriteAsync(head, data, cancellationToken);
            buffer = buffer[data.Length..];
        }
    }

    public override async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0 && close is not null)
        {
            await close();
        }

        await base.DisposeAsync();
    }

    /// <summary>The data of one message; fields that this side does not know are skipped.</summary>
    internal static ReadOnlySequence<byte> DataOf(ReadOnlySequence<byte> message)
    {
        var reader = new SequenceReader<byte>(message);
        var data = ReadOnlySequence<byte>.Empty;
        while (!reader.End)
        {
            var tag = ReadVarint(ref reader);
            var length = (tag & 7) switch
            {
                0 => SkipVarint(ref reader),
                1 => 8,
                2 => (long)Math.Min(ReadVarint(ref reader), long.MaxValue),
                5 => 4,
                _ => throw Malformed(),
            };
            if (length > reader.Remaining)
            {
                throw Malformed();
            }

            if (tag == DataTag)
            {
                data = message.Slice(reader.Position, length);
            }

            reader.Advance(length);
        }

        return data;
    }

    private static long SkipVarint(ref SequenceReader<byte> reader)
    {
        ReadVarint(ref reader);
        return 0;
    }

    private static ulong ReadVarint(ref SequenceReader<byte> reader)
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (!reader.TryRead(out var part))
            {
                throw Malformed();
            }

            value |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }

        throw Malformed();
    }

    private ReadOnlyMemory<byte> WriteHead(int length)
    {
        _head[0] = DataTag;
        var count = 1;
        for (; length >= 0x80; length >>= 7)
        {
            _head[count++] = (byte)(length | 0x80);
        }

        _head[count++] = (byte)length;
        return _head.AsMemory(0, count);
    }

    private static InvalidDataException Malformed() => new("The peer sent a malformed BytesMessage.");
}
