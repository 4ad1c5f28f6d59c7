using System.Buffers;
using System.Buffers.Binary;

namespace Slipway.BuildKit.Grpc;

/// <summary>One gRPC call seen as two sequences of messages. Implemented by the calling side (<see cref="GrpcCall"/>) and the
/// serving side (<see cref="GrpcServerCall"/>), so that a protocol such as file sync runs on either.</summary>
/// <remarks>Reading and writing may run concurrently with each other; two writes are serialized inside; two reads may not overlap.</remarks>
public interface IGrpcStream
{
    /// <summary>The metadata that opened the call (serving side: the peer's request headers; calling side: what was sent).</summary>
    Metadata RequestHeaders { get; }

    /// <summary>The next whole message, or null when the peer has half-closed. The message is valid until it is disposed.</summary>
    /// <exception cref="GrpcStatusException">The call ended with an error (calling side), or the peer reset it.</exception>
    ValueTask<GrpcMessage?> ReadAsync(CancellationToken cancellation);

    /// <summary>Sends one message made of two parts back to back (an encoded head and a bulk body), waiting for flow control.
    /// Both buffers may be reused as soon as the task completes.</summary>
    ValueTask WriteAsync(ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> body, CancellationToken cancellation);

    /// <summary>Sends several messages that already carry their gRPC prefix (flags 0, big-endian length), back to back and with nothing between
    /// them. The buffer may be reused as soon as the task completes.</summary>
    /// <remarks>File sync sends tens of thousands of messages of a few bytes; one call for hundreds of them is what makes it fast.</remarks>
    async ValueTask WriteFramedAsync(ReadOnlyMemory<byte> messages, CancellationToken cancellation)
    {
        // For what only looks like a call. The real ones send the whole run at once.
        const int prefixBytes = 5;
        while (!messages.IsEmpty)
        {
            var end = prefixBytes + BinaryPrimitives.ReadInt32BigEndian(messages.Span[1..]);
            await WriteAsync(messages[prefixBytes..end], default, cancellation);
            messages = messages[end..];
        }
    }
}

/// <summary>One received message. Its memory is pooled: read it, then dispose it.</summary>
public sealed class GrpcMessage(ReadOnlySequence<byte> payload, IDisposable? owner = null) : IDisposable
{
    private IDisposable? _owner = owner;

    public ReadOnlySequence<byte> Payload { get; } = payload;

    public void Dispose() => Interlocked.Exchange(ref _owner, null)?.Dispose();
}
