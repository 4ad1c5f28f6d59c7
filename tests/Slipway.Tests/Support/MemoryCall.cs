using System.Buffers;
using System.Threading.Channels;
using Google.Protobuf;
using Slipway.BuildKit.Grpc;
using Xunit;

namespace Slipway.Tests.Support;

/// <summary>A gRPC call without a wire: the test is the peer.</summary>
internal sealed class MemoryCall : IGrpcStream
{
    private readonly Channel<byte[]> _toHandler = Channel.CreateBounded<byte[]>(1024);
    private readonly Channel<byte[]> _fromHandler = Channel.CreateBounded<byte[]>(1024);

    public Metadata RequestHeaders { get; } = new();

    public static MemoryCall With(IMessage request)
    {
        var call = new MemoryCall();
        call.Send(request);
        call.HalfClose();
        return call;
    }

    public void Send(IMessage message) => Send(message.ToByteArray());

    public void Send(byte[] message) => Assert.True(_toHandler.Writer.TryWrite(message));

    public void HalfClose() => _toHandler.Writer.Complete();

    public async Task<T> ReceiveAsync<T>(MessageParser<T> parser)
        where T : IMessage<T> => parser.ParseFrom(await _fromHandler.Reader.ReadAsync(TestContext.Current.CancellationToken));

    public async ValueTask<GrpcMessage?> ReadAsync(CancellationToken cancellation) =>
        await _toHandler.Reader.WaitToReadAsync(cancellation) && _toHandler.Reader.TryRead(out var message)
            ? new GrpcMessage(new ReadOnlySequence<byte>(message))
            : null;

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> body, CancellationToken cancellation) =>
        await _fromHandler.Writer.WriteAsync([.. head.Span, .. body.Span], cancellation);

    public ValueTask WriteFramedAsync(ReadOnlyMemory<byte> messages, CancellationToken cancellation) =>
        throw new NotSupportedException("Only file sync sends messages that are framed already, and it has a double of its own.");
}
