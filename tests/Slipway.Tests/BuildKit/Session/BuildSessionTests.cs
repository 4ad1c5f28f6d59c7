using System.Buffers;
using Google.Protobuf;
using Slipway.BuildKit.Compression;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Session;
using Slipway.BuildKit.Wire.Control;
using Slipway.Tests.BuildKit.Support;
using Xunit;

namespace Slipway.Tests.BuildKit.Session;

public sealed class BuildSessionTests
{
    private const string EchoPath = "/test.Files/Echo";
    private const string BulkPath = "/test.Files/Bulk";
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task BuildKit_calls_the_attachables_back()
    {
        var host = new FakeSessionHost();
        await using var loop = new Loop(Loop.Method(ControlClient.SessionPath, host.ServeAsync));
        await using var session = await BuildSession.OpenAsync(loop.Channel, "id-1", "key-1", [new Files()], CompressionMode.Auto, None);

        var (headers, inner) = await host.Session;
        Assert.Equal("id-1", headers.First("x-docker-expose-session-uuid"));
        Assert.Equal("key-1", headers.First("x-docker-expose-session-sharedkey"));
        Assert.Equal(
            ["/grpc.health.v1.Health/Check", EchoPath, BulkPath], headers.All("x-docker-expose-session-grpc-method"));

        await using var call = await inner.StartAsync(EchoPath, null, None);
        var sent = new byte[3_000_000];
        Random.Shared.NextBytes(sent);
        var writing = call.WriteAsync(sent, default, None).AsTask();
        using var back = await call.ReadAsync(None);
        await writing;
        Assert.True(back!.Payload.ToArray().AsSpan().SequenceEqual(sent));
    }

    [Fact]
    public async Task Health_checks_are_answered_while_bulk_data_is_held_back()
    {
        var host = new FakeSessionHost();
        await using var loop = new Loop(Loop.Method(ControlClient.SessionPath, host.ServeAsync));
        await using var session = await BuildSession.OpenAsync(loop.Channel, "id", "key", [new Files()], CompressionMode.Auto, None);
        var (_, inner) = await host.Session;

        // A bulk call that fills its window and then stands still, because nobody reads it.
        await using var bulk = await inner.StartAsync(BulkPath, null, None);
        await bulk.CompleteWritesAsync(None);
        using (await bulk.ReadAsync(None))
        {
        }

        for (var i = 0; i < 5; i++)
        {
            await using var check = await inner.StartAsync("/grpc.health.v1.Health/Check", null, None);
            await check.WriteLastMessageAsync(new InfoRequest(), None);
            using var answer = await check.ReadAsync(None);
            Assert.Equal([0x08, 0x01], answer!.Payload.ToArray());
        }
    }

    [Fact]
    public async Task The_session_ends_when_BuildKit_ends_it()
    {
        var host = new FakeSessionHost();
        await using var loop = new Loop(Loop.Method(ControlClient.SessionPath, host.ServeAsync));
        await using var session = await BuildSession.OpenAsync(loop.Channel, "id", "key", [new Files()], CompressionMode.Auto, None);
        await host.Session;
        host.End();
        await session.Completion;
    }

    [Fact]
    public async Task A_refused_session_tells_BuildKits_reason()
    {
        await using var loop = new Loop(Loop.Method(
            ControlClient.SessionPath, (_, _) => throw new GrpcStatusException(GrpcStatusCode.PermissionDenied, "not this project")));
        await using var session = await BuildSession.OpenAsync(loop.Channel, "id", "key", [new Files()], CompressionMode.Auto, None);
        var thrown = await Assert.ThrowsAsync<GrpcStatusException>(() => session.Completion);
        Assert.Equal((GrpcStatusCode.PermissionDenied, "not this project"), (thrown.Code, thrown.Message));
    }

    [Fact]
    public async Task Closing_the_session_cancels_a_running_callback()
    {
        var host = new FakeSessionHost();
        await using var loop = new Loop(Loop.Method(ControlClient.SessionPath, host.ServeAsync));
        var session = await BuildSession.OpenAsync(loop.Channel, "id", "key", [new Files()], CompressionMode.Auto, None);
        var (_, inner) = await host.Session;
        await using var bulk = await inner.StartAsync(BulkPath, null, None);
        using (await bulk.ReadAsync(None))
        {
        }

        await session.DisposeAsync();
        await session.Completion;
    }

    [Fact]
    public void BytesMessages_are_read_whatever_stands_beside_the_data()
    {
        var data = new byte[] { 1, 2, 3 };
        Assert.Equal(data, SessionStream.DataOf(new(new BytesMessage { Data = ByteString.CopyFrom(data) }.ToByteArray())).ToArray());
        Assert.True(SessionStream.DataOf(new(new BytesMessage().ToByteArray())).IsEmpty);

        byte[] strange = [0x10, 0x80, 0x01, 0x1a, 0x02, 9, 9, 0x0a, 0x03, 1, 2, 3, 0x25, 0, 0, 0, 0, 0x29, 0, 0, 0, 0, 0, 0, 0, 0];
        Assert.Equal(data, SessionStream.DataOf(new(strange)).ToArray());
        Assert.Throws<InvalidDataException>(() => SessionStream.DataOf(new(new byte[] { 0x0a, 0x05, 1 })));
        Assert.Throws<InvalidDataException>(() => SessionStream.DataOf(new(new byte[] { 0x0b })));
    }

    /// <summary>Echoes, and sends without end.</summary>
    private sealed class Files : IAttachable
    {
        public IReadOnlyDictionary<string, GrpcHandler> Methods { get; } = new Dictionary<string, GrpcHandler>
        {
            [EchoPath] = Loop.EchoAsync,
            [BulkPath] = async (call, cancellation) =>
            {
                var bulk = new byte[256 * 1024];
                while (true)
                {
                    await call.WriteAsync(bulk, default, cancellation);
                }
            },
        };
    }
}
