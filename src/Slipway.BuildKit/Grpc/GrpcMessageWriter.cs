using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Slipway.BuildKit.Http2;

namespace Slipway.BuildKit.Grpc;

/// <summary>Puts length-prefixed messages on a stream, uncompressed. Writes that overlap go one after the other.</summary>
internal sealed class GrpcMessageWriter(Http2Stream stream)
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
            await stream.SendDataAsync(prefix, head, body, last, cancellation);
        }
        finally
        {
            _prefix = prefix;
        }
    }

    /// <summary>Sends messages that already carry their prefixes.</summary>
    public ValueTask WriteFramedAsync(ReadOnlyMemory<byte> messages, CancellationToken cancellation) =>
        stream.SendDataAsync(messages, default, default, endStream: false, cancellation);
}
