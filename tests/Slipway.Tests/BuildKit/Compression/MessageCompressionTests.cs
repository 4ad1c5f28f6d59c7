using Xunit;
using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Slipway.BuildKit.Compression;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.Tests.BuildKit.Support;

namespace Slipway.Tests.BuildKit.Compression;

public sealed class MessageCompressionTests
{
    private static readonly byte[] Text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 3000).Select(i => $"line {i} of a file that is easy to make smaller\n")));
    private static readonly byte[] Noise = RandomNumberGenerator.GetBytes(100_000);

    [Fact]
    public async Task Every_message_arrives_as_it_was_and_only_what_gets_smaller_is_compressed()
    {
        byte[][] messages = [[], [1], Text[..511], Text, Noise, [.. Noise, .. Text], Text[..600]];
        var wire = new MemoryStream();
        var (answers, encoding) = await AskAsync(messages, MessageCompression.Create(CompressionMode.Always, line: null, TimeProvider.System), accepts: true, wire);
        Assert.Equal("gzip", encoding);
        Assert.Equal(messages, answers);

        // The noise twice, each time in a message of its own and in a mixed one; of all the text little is left.
        Assert.InRange(wire.Length, 4 * Noise.Length, (4 * Noise.Length) + Text.Length);
    }

    [Fact]
    public async Task A_caller_that_does_not_read_gzip_gets_none()
    {
        var wire = new MemoryStream();
        var (answers, encoding) = await AskAsync([Text], MessageCompression.Create(CompressionMode.Always, line: null, TimeProvider.System), accepts: false, wire);
        Assert.Null(encoding);
        Assert.Equal([Text], answers);
        Assert.True(wire.Length > Text.Length);
    }

    [Fact]
    public void Without_a_line_that_can_be_measured_there_is_no_compression()
    {
        Assert.Null(MessageCompression.Create(CompressionMode.Auto, line: null, TimeProvider.System));
        Assert.Null(MessageCompression.Create(CompressionMode.Never, new LineGauge(), TimeProvider.System));
    }

    [Fact]
    public async Task The_kernel_tells_what_a_connection_carried()
    {
        var (client, server) = await Loop.SocketsAsync();
        await using var near = client;
        await using var far = server;
        var gauge = new LineGauge();
        gauge.Watch(client);
        await client.WriteAsync(Noise);
        await server.ReadExactlyAsync(new byte[Noise.Length]);

        // The acknowledgement may take a moment after the bytes.
        while (gauge.Read() is not { } reading || reading.Bytes < Noise.Length)
        {
            await Task.Yield();
        }

        await client.DisposeAsync();
        Assert.Null(gauge.Read());
    }

    /// <summary>Has a server answer with <paramref name="messages"/>, in single writes and once more in one run; tells what came out.</summary>
    private static async Task<(byte[][] Answers, string? Encoding)> AskAsync(byte[][] messages, MessageCompression? compression, bool accepts, MemoryStream wire)
    {
        var (client, server) = DuplexStream.CreatePair();
        using var stop = new CancellationTokenSource();
        var serving = new GrpcServer(Loop.Method("/t/Get", async (call, cancellation) =>
        {
            foreach (var message in messages)
            {
                await call.WriteAsync(message.AsMemory(0, message.Length / 3), message.AsMemory(message.Length / 3), cancellation);
            }

            await call.WriteFramedAsync(Frame(messages), cancellation);
        }), compression).ServeAsync(new Tap(server, wire), new Http2Options(), stop.Token);
        var answers = new List<byte[]>();
        string? encoding;
        await using (var connection = Http2Connection.StartClient(client, new Http2Options()))
        {
            var stream = await connection.OpenAsync(
                [
                    new(":method", "POST"), new(":scheme", "http"), new(":path", "/t/Get"), new(":authority", "x"), new("content-type", "application/grpc"),
                    new("grpc-accept-encoding", accepts ? "identity, gzip" : "identity,deflate"),
                ], CancellationToken.None);
            encoding = new Metadata(await stream.Headers).First("grpc-encoding");
            var reader = new GrpcMessageReader(stream, int.MaxValue) { Encoding = encoding };
            while (await reader.ReadAsync(CancellationToken.None) is { } message)
            {
                answers.Add(message.Payload.ToArray());
                message.Dispose();
            }
        }

        await stop.CancelAsync();
        await serving;
        Assert.Equal(answers[..messages.Length], answers[messages.Length..]);
        return ([.. answers[..messages.Length]], encoding);
    }

    private static byte[] Frame(byte[][] messages)
    {
        var framed = new MemoryStream();
        foreach (var message in messages)
        {
            var prefix = new byte[5];
            BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), message.Length);
            framed.Write(prefix);
            framed.Write(message);
        }

        return framed.ToArray();
    }

    /// <summary>Keeps a copy of what is written.</summary>
    private sealed class Tap(Stream inner, MemoryStream written) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            written.Write(buffer.Span);
            return inner.WriteAsync(buffer, cancellationToken);
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
