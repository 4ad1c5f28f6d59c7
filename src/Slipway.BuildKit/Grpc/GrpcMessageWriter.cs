using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Slipway.BuildKit.Compression;
using Slipway.BuildKit.Http2;

namespace Slipway.BuildKit.Grpc;

/// <summary>Puts length-prefixed messages on a stream. Writes that overlap go one after the other.</summary>
/// <param name="compression">Of a call that was announced as compressed.</param>
internal sealed class GrpcMessageWriter(Http2Stream stream, MessageCompression? compression = null)
{
    private byte[]? _prefix = new byte[GrpcMessageReader.PrefixLength];

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> body, bool last, CancellationToken cancellation)
    {
        // The usual single writer uses one prefix again and again.
        var prefix = Interlocked.Exchange(ref _prefix, null) ?? new byte[GrpcMessageReader.PrefixLength];
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), head.Length + body.Length);
        try
        {
            await (compression is { Pays: true }
                ? SendCompressedAsync([prefix, head, body], last, cancellation)
                : stream.SendDataAsync(prefix, head, body, last, cancellation));
        }
        finally
        {
            _prefix = prefix;
        }
    }

    /// <summary>Sends messages that already carry their prefixes.</summary>
    public ValueTask WriteFramedAsync(ReadOnlyMemory<byte> messages, CancellationToken cancellation) =>
        compression is { Pays: true }
            ? SendCompressedAsync([messages], last: false, cancellation)
            : stream.SendDataAsync(messages, default, default, endStream: false, cancellation);

    private async ValueTask SendCompressedAsync(ReadOnlyMemory<byte>[] parts, bool last, CancellationToken cancellation)
    {
        var length = parts.Sum(part => part.Length);
        var compressed = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            length = Compress(parts, length, compressed);
            await stream.SendDataAsync(compressed.AsMemory(0, length), default, default, last, cancellation);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(compressed);
        }
    }

    private int Compress(ReadOnlyMemory<byte>[] parts, int length, byte[] into)
    {
        if (parts is [var framed])
        {
            return compression!.CompressFramed(framed.Span, into);
        }

        var joined = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            var at = 0;
            foreach (var part in parts)
            {
                part.CopyTo(joined.AsMemory(at));
                at += part.Length;
            }

            return compression!.CompressFramed(joined.AsSpan(0, length), into);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(joined);
        }
    }
}
