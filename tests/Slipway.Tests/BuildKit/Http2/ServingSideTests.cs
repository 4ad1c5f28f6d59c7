using CsCheck;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.Tests.BuildKit.Support;
using Xunit;

namespace Slipway.Tests.BuildKit.Http2;

/// <summary>The serving role against a client that speaks frame by frame, well and badly.</summary>
public sealed class ServingSideTests
{
    private static readonly Dictionary<string, GrpcHandler> Methods = new()
    {
        ["/t.T/Echo"] = Loop.EchoAsync,
        ["/t.T/Hang"] = (_, cancellation) => Task.Delay(Timeout.Infinite, cancellation),
        ["/t.T/Bulk"] = async (call, cancellation) => await call.WriteAsync(new byte[200_000], default, cancellation),
    };

    [Fact]
    public async Task An_answer_is_headers_messages_and_trailers()
    {
        await using var served = await ServeAsync();
        await served.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders, 1, RawPeer.Request());
        await served.Peer.SendAsync(Http2FrameType.Data, Http2Flags.EndStream, 1, RawPeer.Message(4, 5));
        Assert.Equal([":status=200", "content-type=application/grpc"], Text(await served.Peer.ReadHeadersAsync()));
        Assert.Equal(RawPeer.Message(4, 5), (await served.Peer.ReadAsync(Http2FrameType.Data)).Payload);
        Assert.Equal(["grpc-status=0"], Text(await served.Peer.ReadHeadersAsync()));
    }

    [Fact]
    public async Task An_unknown_method_is_refused_in_one_header_block()
    {
        await using var served = await ServeAsync();
        await served.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders, 1, RawPeer.Request("/t.T/Nothing"));
        Assert.Equal(
            [":status=200", "content-type=application/grpc", "grpc-status=12", "grpc-message=unknown method /t.T/Nothing"],
            Text(await served.Peer.ReadHeadersAsync()));

        // The caller has not ended its half: it need not go on.
        Assert.Equal(Http2ErrorCode.NoError, await served.Peer.ReadResetAsync());
    }

    [Fact]
    public async Task A_request_that_is_not_gRPC_is_refused_as_HTTP()
    {
        await using var served = await ServeAsync();
        await served.Peer.SendAsync(
            Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 1,
            RawPeer.Block(new(":method", "GET"), new(":scheme", "http"), new(":path", "/")));
        Assert.Equal([":status=415"], Text(await served.Peer.ReadHeadersAsync()));
    }

    [Fact]
    public async Task A_PING_is_answered_while_data_is_held_back()
    {
        await using var served = await ServeAsync();
        await served.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 1, RawPeer.Request("/t.T/Bulk"));
        await served.Peer.ReadAsync(Http2FrameType.Data);
        await served.Peer.SendAsync(Http2FrameType.Ping, Http2Flags.None, 0, [8, 7, 6, 5, 4, 3, 2, 1]);
        var (header, payload) = await served.Peer.ReadAsync(Http2FrameType.Ping);
        Assert.True(header.Has(Http2Flags.Ack));
        Assert.Equal([8, 7, 6, 5, 4, 3, 2, 1], payload);
    }

    [Fact]
    public async Task A_reset_after_the_request_is_whole_still_cancels_the_handler()
    {
        var cancelled = new TaskCompletionSource();
        await using var served = await ServeAsync(Loop.Method("/t.T/Wait", async (_, cancellation) =>
        {
            await using var registration = cancellation.Register(() => cancelled.SetResult());
            await cancelled.Task;
        }));
        await served.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 1, RawPeer.Request("/t.T/Wait"));
        await served.Peer.SendAsync(Http2FrameType.RstStream, Http2Flags.None, 1, RawPeer.Number((int)Http2ErrorCode.Cancel));
        await cancelled.Task;
    }

    [Fact]
    public async Task DATA_after_the_end_of_a_request_resets_the_call_only()
    {
        await using var served = await ServeAsync();
        await served.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 1, RawPeer.Request("/t.T/Hang"));
        await served.Peer.SendAsync(Http2FrameType.Data, Http2Flags.None, 1, RawPeer.Message(1));
        Assert.Equal(Http2ErrorCode.StreamClosed, await served.Peer.ReadResetAsync());
        await served.StillAnswersAsync(3);
    }

    [Fact]
    public async Task DATA_for_a_call_that_is_gone_is_dropped_and_its_credit_comes_back()
    {
        await using var served = await ServeAsync(options: new Http2Options { ConnectionWindowBytes = 65535 });
        await served.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders, 1, RawPeer.Request("/t.T/Nothing"));
        await served.Peer.ReadResetAsync();
        for (var i = 0; i < 20; i++)
        {
            await served.Peer.SendAsync(Http2FrameType.Data, Http2Flags.None, 1, new byte[16384]);
            if (i % 2 == 1)
            {
                await served.Peer.ReadAsync(Http2FrameType.WindowUpdate);
            }
        }

        await served.StillAnswersAsync(3);
    }

    [Fact]
    public async Task More_than_a_calls_window_resets_the_call()
    {
        await using var served = await ServeAsync(options: new Http2Options { StreamWindowBytes = 70_000 });
        await served.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders, 1, RawPeer.Request("/t.T/Hang"));
        for (var i = 0; i < 5; i++)
        {
            await served.Peer.SendAsync(Http2FrameType.Data, Http2Flags.None, 1, new byte[16384]);
        }

        Assert.Equal(Http2ErrorCode.FlowControlError, await served.Peer.ReadResetAsync());
        await served.StillAnswersAsync(3);
    }

    [Fact]
    public async Task A_call_over_the_limit_is_refused()
    {
        await using var served = await ServeAsync(options: new Http2Options { ConcurrentStreamsMax = 2 });
        await served.Peer.SendAsync(Http2FrameType.Settings, Http2Flags.Ack, 0);
        foreach (var id in (int[])[1, 3, 5])
        {
            await served.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders, id, RawPeer.Request("/t.T/Hang"));
        }

        Assert.Equal(Http2ErrorCode.RefusedStream, await served.Peer.ReadResetAsync());
    }

    [Theory]
    [InlineData("Upper-Case", "1")]
    [InlineData("connection", "close")]
    [InlineData("", "1")]
    [InlineData("x-split", "a\r\nb")]
    public async Task A_malformed_header_resets_the_call_only(string name, string value)
    {
        await using var served = await ServeAsync();
        await served.Peer.SendAsync(
            Http2FrameType.Headers, Http2Flags.EndHeaders, 1, [.. RawPeer.Request(), .. RawPeer.Block(new HeaderField(name, value))]);
        Assert.Equal(Http2ErrorCode.ProtocolError, await served.Peer.ReadResetAsync());
        await served.StillAnswersAsync(3);
    }

    [Theory]
    [InlineData("oversized", Http2ErrorCode.FrameSizeError)]
    [InlineData("idle data", Http2ErrorCode.ProtocolError)]
    [InlineData("idle reset", Http2ErrorCode.ProtocolError)]
    [InlineData("short ping", Http2ErrorCode.FrameSizeError)]
    [InlineData("interrupted headers", Http2ErrorCode.ProtocolError)]
    [InlineData("even stream", Http2ErrorCode.ProtocolError)]
    [InlineData("push", Http2ErrorCode.ProtocolError)]
    [InlineData("zero window update", Http2ErrorCode.ProtocolError)]
    [InlineData("window overflow", Http2ErrorCode.FlowControlError)]
    [InlineData("padding", Http2ErrorCode.ProtocolError)]
    [InlineData("bad hpack", Http2ErrorCode.CompressionError)]
    [InlineData("header bomb", Http2ErrorCode.EnhanceYourCalm)]
    [InlineData("large window", Http2ErrorCode.FlowControlError)]
    [InlineData("small frames", Http2ErrorCode.ProtocolError)]
    [InlineData("lone continuation", Http2ErrorCode.ProtocolError)]
    public async Task Breaking_the_protocol_ends_the_connection_with_its_code(string how, Http2ErrorCode expected)
    {
        await using var served = await ServeAsync();
        var peer = served.Peer;
        await (how switch
        {
            "oversized" => peer.SendRawAsync([0x20, 0, 0, 0, 0, 0, 0, 0, 1]),
            "idle data" => peer.SendAsync(Http2FrameType.Data, Http2Flags.None, 9, [1]),
            "idle reset" => peer.SendAsync(Http2FrameType.RstStream, Http2Flags.None, 9, new byte[4]),
            "short ping" => peer.SendAsync(Http2FrameType.Ping, Http2Flags.None, 0, new byte[7]),
            "interrupted headers" => InterruptAsync(peer),
            "even stream" => peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders, 2, RawPeer.Request()),
            "push" => peer.SendAsync(Http2FrameType.PushPromise, Http2Flags.EndHeaders, 1, new byte[8]),
            "zero window update" => peer.SendAsync(Http2FrameType.WindowUpdate, Http2Flags.None, 0, new byte[4]),
            "window overflow" => peer.SendAsync(Http2FrameType.WindowUpdate, Http2Flags.None, 0, RawPeer.Number(int.MaxValue)),
            "padding" => PadAsync(peer),
            "bad hpack" => peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders, 1, [0xff, 0xff, 0xff, 0xff, 0xff]),
            "header bomb" => peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders, 1, Bomb()),
            "large window" => peer.SendAsync(Http2FrameType.Settings, Http2Flags.None, 0, RawPeer.Setting(Http2Setting.InitialWindowSize, -1)),
            "small frames" => peer.SendAsync(Http2FrameType.Settings, Http2Flags.None, 0, RawPeer.Setting(Http2Setting.MaxFrameSize, 100)),
            _ => peer.SendAsync(Http2FrameType.Continuation, Http2Flags.EndHeaders, 1, []),
        });
        Assert.Equal(expected, await peer.ReadGoAwayAsync());
        var thrown = await Assert.ThrowsAsync<Http2Exception>(() => served.Serving);
        Assert.Equal(expected, thrown.Code);
    }

    [Theory]
    [InlineData("resets")]
    [InlineData("settings")]
    [InlineData("empty data")]
    [InlineData("continuations")]
    [InlineData("unknown")]
    public async Task A_flood_of_frames_that_carry_nothing_is_cut_off(string kind)
    {
        await using var served = await ServeAsync();
        var reading = served.Peer.ReadGoAwayAsync();
        try
        {
            await FloodAsync(served.Peer, kind);
        }
        catch (Exception closed) when (closed is IOException or InvalidOperationException)
        {
            // The connection went down in the middle of the flood.
        }

        Assert.Equal(Http2ErrorCode.EnhanceYourCalm, await reading);
    }

    [Fact]
    public async Task PINGs_whose_answers_nobody_reads_are_cut_off()
    {
        await using var served = await ServeAsync(pauseBytes: 4096);
        var ping = new byte[Http2Frame.HeaderLength + Http2Frame.PingLength];
        new Http2FrameHeader(Http2Frame.PingLength, Http2FrameType.Ping, Http2Flags.None, 0).Write(ping);
        try
        {
            for (var i = 0; i < 100_000 && !served.Serving.IsCompleted; i++)
            {
                await served.Peer.SendRawAsync(ping);
            }
        }
        catch (Exception closed) when (closed is IOException or InvalidOperationException)
        {
        }

        var thrown = await Assert.ThrowsAsync<Http2Exception>(() => served.Serving);
        Assert.Equal(Http2ErrorCode.EnhanceYourCalm, thrown.Code);
    }

    [Fact]
    public async Task Something_else_than_HTTP2_is_refused()
    {
        var (client, server) = DuplexStream.CreatePair();
        var serving = new GrpcServer(Methods).ServeAsync(server, new Http2Options(), CancellationToken.None);
        await client.WriteAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
        await client.FlushAsync(CancellationToken.None);
        await Assert.ThrowsAsync<Http2Exception>(() => serving);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_peer_that_leaves_at_once_is_no_failure()
    {
        var (client, server) = DuplexStream.CreatePair();
        var serving = new GrpcServer(Methods).ServeAsync(server, new Http2Options(), CancellationToken.None);
        await client.DisposeAsync();
        await serving;
    }

    [Fact]
    public void Whatever_a_peer_sends_serving_ends_with_the_typed_exception_or_well()
    {
        var type = Gen.Int[0, 11].Select(value => (Http2FrameType)value);
        var frame = Gen.Select(type, Gen.Byte, Gen.Int[0, 7], Gen.Byte.Array[0, 60]);
        frame.List[1, 40].Sample(
            frames =>
            {
                Task.Run(() => ThrowAtAsync(frames)).GetAwaiter().GetResult();
            },
            iter: 200, threads: 1);
    }

    private static async Task ThrowAtAsync(List<(Http2FrameType Type, byte Flags, int StreamId, byte[] Payload)> frames)
    {
        await using var served = await ServeAsync();
        try
        {
            await served.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders, 1, RawPeer.Request());
            foreach (var (type, flags, streamId, payload) in frames)
            {
                await served.Peer.SendAsync(type, (Http2Flags)flags, streamId, payload);
            }
        }
        catch (Exception closed) when (closed is IOException or InvalidOperationException)
        {
        }

        await served.Peer.DisposeAsync();
        try
        {
            await served.Serving;
        }
        catch (Http2Exception)
        {
        }
    }

    private static async Task FloodAsync(RawPeer peer, string kind)
    {
        if (kind is "empty data" or "continuations")
        {
            await peer.SendAsync(Http2FrameType.Headers, kind == "empty data" ? Http2Flags.EndHeaders : Http2Flags.None, 1, RawPeer.Request("/t.T/Hang"));
        }

        for (var i = 0; i < 5000; i++)
        {
            switch (kind)
            {
                case "resets":
                    await peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders, (2 * i) + 1, RawPeer.Request("/t.T/Hang"));
                    await peer.SendAsync(Http2FrameType.RstStream, Http2Flags.None, (2 * i) + 1, RawPeer.Number((int)Http2ErrorCode.Cancel));
                    break;
                case "settings":
                    await peer.SendAsync(Http2FrameType.Settings, Http2Flags.None, 0);
                    break;
                case "empty data":
                    await peer.SendAsync(Http2FrameType.Data, Http2Flags.None, 1);
                    break;
                case "continuations":
                    await peer.SendAsync(Http2FrameType.Continuation, Http2Flags.None, 1);
                    break;
                default:
                    await peer.SendAsync((Http2FrameType)0x77, Http2Flags.None, 0, new byte[8]);
                    break;
            }
        }
    }

    private static async Task InterruptAsync(RawPeer peer)
    {
        await peer.SendAsync(Http2FrameType.Headers, Http2Flags.None, 1, RawPeer.Request());
        await peer.SendAsync(Http2FrameType.Ping, Http2Flags.None, 0, new byte[8]);
    }

    private static async Task PadAsync(RawPeer peer)
    {
        await peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders, 1, RawPeer.Request());
        await peer.SendAsync(Http2FrameType.Data, Http2Flags.Padded, 1, [200, 1, 2, 3]);
    }

    private static byte[] Bomb() =>
        [0x40, 1, (byte)'x', 0x7f, 0xa1, 0x1e, .. Enumerable.Repeat((byte)'y', 4000), .. Enumerable.Repeat((byte)0xbe, 2000)];

    private static string[] Text((int StreamId, List<HeaderField> Fields) headers) =>
        [.. headers.Fields.Select(field => $"{field.Name}={field.Value}")];

    private static async Task<Served> ServeAsync(
        IReadOnlyDictionary<string, GrpcHandler>? methods = null, Http2Options? options = null, int pauseBytes = 256 * 1024)
    {
        var (client, server) = DuplexStream.CreatePair(pauseBytes);
        var stop = new CancellationTokenSource();
        var serving = new GrpcServer(methods ?? Methods).ServeAsync(server, options ?? new Http2Options(), stop.Token);
        var peer = new RawPeer(client);
        await peer.ConnectAsync();
        return new Served(peer, serving, stop);
    }

    private sealed record Served(RawPeer Peer, Task Serving, CancellationTokenSource Stop) : IAsyncDisposable
    {
        public async Task StillAnswersAsync(int streamId)
        {
            await Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders, streamId, RawPeer.Request());
            await Peer.SendAsync(Http2FrameType.Data, Http2Flags.EndStream, streamId, RawPeer.Message(1));
            Assert.Equal(streamId, (await Peer.ReadHeadersAsync()).StreamId);
        }

        public async ValueTask DisposeAsync()
        {
            await Stop.CancelAsync();
            await Peer.DisposeAsync();
            await Serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
