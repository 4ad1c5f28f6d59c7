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

    public static ValueTask WriteMessageAsync(this IGrpcStream stream, IMessage message, CancellationToken cancellation) =>
        WriteAsync(message, stream, static (stream, bytes, cancellation) => stream.WriteAsync(bytes, default, cancellation), cancellation);

    /// <summary>Sends the last message of a call and half-closes.</summary>
    public static ValueTask WriteLastMessageAsync(this GrpcCall call, IMessage message, CancellationToken cancellation) =>
        WriteAsync(message, call, static (call, bytes, cancellation) => call.WriteAsync(bytes, default, last: true, cancellation), cancellation);

    private static async ValueTask WriteAsync<T>(
        IMessage message, T target, Func<T, ReadOnlyMemory<byte>, CancellationToken, ValueTask> write, CancellationToken cancellation)
    {
        var size = message.CalculateSize();
        var buffer = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            message.WriteTo(buffer.AsSpan(0, size));
            await write(target, buffer.AsMemory(0, size), cancellation);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
