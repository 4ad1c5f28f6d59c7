using System.Buffers;
using Google.Protobuf;

namespace Slipway.BuildKit.Grpc;

/// <summary>Whole protobuf messages over an <see cref="IGrpcStream"/>.</summary>
public static class GrpcStreamExtensions
{
    /// <summary>The next message, parsed; null when the peer has half-closed.</summary>
    public static async ValueTask<T?> ReadMessageAsync<T>(this IGrpcStream stream, MessageParser<T> parser, CancellationToken cancellation)
        where T : class, IMessage<T>
    {
        using var message = await stream.ReadAsync(cancellation);
        return message is null ? null : parser.ParseFrom(message.Payload);
    }

    public static async ValueTask WriteMessageAsync(this IGrpcStream stream, IMessage message, CancellationToken cancellation)
    {
        var size = message.CalculateSize();
        var buffer = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            message.WriteTo(buffer.AsSpan(0, size));
            await stream.WriteAsync(buffer.AsMemory(0, size), ReadOnlyMemory<byte>.Empty, cancellation);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
