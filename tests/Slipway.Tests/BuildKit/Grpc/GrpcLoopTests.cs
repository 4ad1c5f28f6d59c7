using System.Buffers;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.BuildKit.Wire.Control;
using Slipway.Tests.BuildKit.Support;
using Xunit;

namespace Slipway.Tests.BuildKit.Grpc;

public sealed class GrpcLoopTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    private static readonly Dictionary<string, GrpcHandler> Methods = new()
    {
        ["/t.T/Echo"] = Loop.EchoAsync,
        ["/t.T/Fail"] = async (call, cancellation) =>
        {
            using var request = await call.ReadAsync(cancellation);
            throw new GrpcStatusException(GrpcStatusCode.NotFound, "nö: 100%\nline", [1, 2, 3, 4]);
        },
        ["/t.T/Crash"] = (_, _) => throw new InvalidOperationException("broken handler"),
        ["/t.T/Headers"] = async (call, cancellation) =>
        {
            foreach (var value in call.RequestHeaders.All("x-many"))
            {
                call.ResponseHeaders.Add("x-many-back", value);
            }

            call.Trailers.Add("x-trailer", "t");
            await call.WriteAsync(default, default, cancellation);
        },
        ["/t.T/Hang"] = (_, cancellation) => Task.Delay(Timeout.Infinite, cancellation),
    };

    [Fact]
    public async Task A_unary_call_is_answered()
    {
        await using var loop = new Loop(Methods);
        var answer = await loop.Channel.UnaryAsync("/t.T/Echo", new StatusRequest { Ref = "abc" }, StatusRequest.Parser, None);
        Assert.Equal("abc", answer.Ref);
    }

    [Fact]
    public async Task A_status_arrives_with_message_and_details()
    {
        await using var loop = new Loop(Methods);
        var thrown = await Assert.ThrowsAsync<GrpcStatusException>(
            () => loop.Channel.UnaryAsync("/t.T/Fail", new StatusRequest(), StatusRequest.Parser, None));
        Assert.Equal(GrpcStatusCode.NotFound, thrown.Code);
        Assert.Equal("nö: 100%\nline", thrown.Message);
        Assert.Equal([1, 2, 3, 4], thrown.Details);
        Assert.True(thrown.FromPeer);
    }

    [Fact]
    public async Task A_handler_that_breaks_ends_its_call_only()
    {
        await using var loop = new Loop(Methods);
        var crashed = await Assert.ThrowsAsync<GrpcStatusException>(
            () => loop.Channel.UnaryAsync("/t.T/Crash", new StatusRequest(), StatusRequest.Parser, None));
        Assert.Equal((GrpcStatusCode.Unknown, "broken handler"), (crashed.Code, crashed.Message));
        var unknown = await Assert.ThrowsAsync<GrpcStatusException>(
            () => loop.Channel.UnaryAsync("/t.T/Nothing", new StatusRequest(), StatusRequest.Parser, None));
        Assert.Equal(GrpcStatusCode.Unimplemented, unknown.Code);
        await loop.Channel.UnaryAsync("/t.T/Echo", new StatusRequest(), StatusRequest.Parser, None);
    }

    [Fact]
    public async Task Repeated_metadata_stays_apart_in_both_directions()
    {
        await using var loop = new Loop(Methods);
        await using var call = await loop.Channel.StartAsync("/t.T/Headers", new Metadata { { "x-many", "a" }, { "x-many", "b, c" } }, None);
        await call.CompleteWritesAsync(None);
        Assert.Equal(["a", "b, c"], (await call.ResponseHeaders).All("x-many-back"));
        using (await call.ReadAsync(None))
        {
        }

        Assert.Null(await call.ReadAsync(None));
        Assert.Equal("t", call.Trailers.First("x-trailer"));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 65535)]
    [InlineData(1000, 64 * 1024 * 1024)]
    [InlineData(4 * 1024 * 1024, 65535)]
    public async Task Messages_of_every_size_pass_any_window(int streamWindow, int connectionWindow)
    {
        var options = new Http2Options { StreamWindowBytes = streamWindow, ConnectionWindowBytes = connectionWindow };
        await using var loop = new Loop(Methods, options, options);
        int[] sizes = streamWindow < 100 ? [0, 1, 5, 300] : [0, 1, 16383, 16384, 16385, 300_000];
        await EchoAllAsync(loop.Channel, sizes);
    }

    [Fact]
    public async Task A_message_of_the_largest_size_passes_a_smaller_window()
    {
        await using var loop = new Loop(Methods);
        await EchoAllAsync(loop.Channel, [16 * 1024 * 1024]);
    }

    [Fact]
    public async Task Cancelling_a_read_leaves_the_call_usable()
    {
        await using var loop = new Loop(Methods);
        await using var call = await loop.Channel.StartAsync("/t.T/Echo", null, None);
        using var cancellation = new CancellationTokenSource();
        var reading = call.ReadAsync(cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        await call.WriteAsync(new byte[] { 1, 2, 3 }, default, None);
        using var message = await call.ReadAsync(None);
        Assert.Equal([1, 2, 3], message!.Payload.ToArray());
    }

    [Fact]
    public async Task Disposing_a_call_cancels_its_handler()
    {
        var cancelled = new TaskCompletionSource();
        await using var loop = new Loop(Loop.Method("/t.T/Wait", async (_, cancellation) =>
        {
            await using var registration = cancellation.Register(() => cancelled.SetResult());
            await cancelled.Task;
        }));
        var call = await loop.Channel.StartAsync("/t.T/Wait", null, None);
        await call.DisposeAsync();
        await cancelled.Task;
    }

    [Fact]
    public async Task A_hundred_calls_run_at_once()
    {
        await using var loop = new Loop(Methods, streams: await Loop.SocketsAsync());
        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => EchoAllAsync(loop.Channel, [i, i * 1000, 10])));
    }

    [Fact]
    public async Task Calls_beyond_the_peers_limit_wait_for_a_slot()
    {
        await using var loop = new Loop(Methods, serverOptions: new Http2Options { ConcurrentStreamsMax = 3 });
        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => EchoAllAsync(loop.Channel, [i])));
    }

    [Fact]
    public async Task A_deadline_ends_the_handler()
    {
        await using var loop = new Loop(Methods);
        await using var call = await loop.Channel.StartAsync("/t.T/Hang", new Metadata { { "grpc-timeout", "10m" } }, None);
        var thrown = await Assert.ThrowsAsync<GrpcStatusException>(() => call.ReadAsync(None).AsTask());
        Assert.Equal(GrpcStatusCode.DeadlineExceeded, thrown.Code);
    }

    [Fact]
    public async Task A_stopped_server_ends_its_calls_and_the_channel()
    {
        await using var loop = new Loop(Methods);
        await using var call = await loop.Channel.StartAsync("/t.T/Hang", null, None);
        loop.StopServer();
        var thrown = await Assert.ThrowsAsync<GrpcStatusException>(() => call.ReadAsync(None).AsTask());
        Assert.Equal(GrpcStatusCode.Unavailable, thrown.Code);
        Assert.False(thrown.FromPeer);
        await loop.Serving;
        await Assert.ThrowsAsync<Http2Exception>(() => loop.Channel.Completion);
    }

    [Fact]
    public async Task A_disposed_channel_completes_cleanly()
    {
        var loop = new Loop(Methods);
        await using var call = await loop.Channel.StartAsync("/t.T/Hang", null, None);
        await loop.DisposeAsync();
        await loop.Channel.Completion;
        await loop.Serving;
        await Assert.ThrowsAsync<GrpcStatusException>(() => loop.Channel.StartAsync("/t.T/Hang", null, None).AsTask());
    }

    private static async Task EchoAllAsync(GrpcChannel channel, int[] sizes)
    {
        await using var call = await channel.StartAsync("/t.T/Echo", null, None);
        var random = new Random(sizes.Length);
        foreach (var size in sizes)
        {
            var sent = new byte[size];
            random.NextBytes(sent);
            var writing = call.WriteAsync(sent.AsMemory(0, size / 2), sent.AsMemory(size / 2), None).AsTask();
            using var back = await call.ReadAsync(None);
            await writing;
            Assert.True(sent.AsSpan().SequenceEqual(back!.Payload.ToArray()));
        }

        await call.CompleteWritesAsync(None);
        Assert.Null(await call.ReadAsync(None));
    }
}
