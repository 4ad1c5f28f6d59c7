using System.Buffers;
using System.Buffers.Binary;
using System.Threading.Channels;
using Slipway.BuildKit.Grpc;
using Xunit;

namespace Slipway.Tests.BuildKit.FileSync;

/// <summary>Two ends of one call, in memory. Few messages fit between them, so that a side that waits for the wrong thing gets stuck.</summary>
internal sealed class MemoryStreamPair
{
    private readonly Channel<byte[]> _toEngine = Channel.CreateBounded<byte[]>(8);
    private readonly Channel<byte[]> _toClient = Channel.CreateBounded<byte[]>(8);

    public MemoryStreamPair(Metadata? headers = null)
    {
        Client = new End(headers ?? new Metadata(), _toClient.Reader, _toEngine.Writer);
        Engine = new End(headers ?? new Metadata(), _toEngine.Reader, _toClient.Writer);
    }

    public End Client { get; }

    public End Engine { get; }

    /// <summary>Runs the client's side. When it ends, its stream ends, as a call does.</summary>
    public async Task RunClientAsync(Func<IGrpcStream, Task> side)
    {
        try
        {
            await side(Client);
        }
        finally
        {
            Client.HalfClose();
        }
    }

    internal sealed class End(Metadata headers, ChannelReader<byte[]> incoming, ChannelWriter<byte[]> outgoing) : IGrpcStream
    {
        private readonly SemaphoreSlim _writing = new(1);

        public Metadata RequestHeaders => headers;

        public int MessagesWritten { get; private set; }

        public long BytesWritten { get; private set; }

        public async ValueTask<GrpcMessage?> ReadAsync(CancellationToken cancellation)
        {
            while (await incoming.WaitToReadAsync(cancellation))
            {
                if (incoming.TryRead(out var message))
                {
                    return new GrpcMessage(new ReadOnlySequence<byte>(message));
                }
            }

            return null;
        }

        public async ValueTask WriteAsync(ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> body, CancellationToken cancellation)
        {
            await _writing.WaitAsync(cancellation);
            try
            {
                MessagesWritten++;
                BytesWritten += head.Length + body.Length;
                await outgoing.WriteAsync([.. head.Span, .. body.Span], cancellation);
            }
            finally
            {
                _writing.Release();
            }
        }

        public async ValueTask WriteFramedAsync(ReadOnlyMemory<byte> messages, CancellationToken cancellation)
        {
            while (!messages.IsEmpty)
            {
                var end = 5 + BinaryPrimitives.ReadInt32BigEndian(messages.Span[1..]);
                Assert.Equal(0, messages.Span[0]);
                await WriteAsync(messages[5..end], default, cancellation);
                messages = messages[end..];
            }
        }

        public void HalfClose() => outgoing.TryComplete();
    }
}
