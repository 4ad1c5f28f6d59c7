using System.Buffers;
using System.IO.Compression;
using Microsoft.Extensions.Time.Testing;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.BuildKit.Wire.Control;
using Slipway.Tests.BuildKit.Support;
using Xunit;

namespace Slipway.Tests.BuildKit.Http2;

/// <summary>The calling role against a server that speaks frame by frame.</summary>
public sealed class CallingSideTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task A_request_carries_what_gRPC_asks_for()
    {
        await using var pair = await ConnectAsync();
        await using var call = await pair.Channel.StartAsync("/p.S/M", new Metadata { { "x-a", "1" }, { "x-a", "2" } }, None);
        var (id, fields) = await pair.Peer.ReadHeadersAsync();
        Assert.Equal(1, id);
        Assert.Equal(
            [
                ":method=POST", ":scheme=http", ":path=/p.S/M", ":authority=host", "content-type=application/grpc", "te=trailers",
                "user-agent=buildkit-client-dotnet", "grpc-accept-encoding=identity,gzip", "x-a=1", "x-a=2",
            ],
            fields.Select(field => $"{field.Name}={field.Value}"));
    }

    [Fact]
    public async Task A_disposed_call_is_reset_with_CANCEL()
    {
        await using var pair = await ConnectAsync();
        var call = await pair.Channel.StartAsync("/p.S/M", null, None);
        await call.DisposeAsync();
        Assert.Equal(Http2ErrorCode.Cancel, await pair.Peer.ReadResetAsync());
    }

    [Fact]
    public async Task A_cancelled_unary_call_is_reset()
    {
        await using var pair = await ConnectAsync();
        using var cancellation = new CancellationTokenSource();
        var calling = pair.Channel.UnaryAsync("/p.S/M", new StatusRequest(), StatusRequest.Parser, cancellation.Token);
        await pair.Peer.ReadHeadersAsync();
        await cancellation.CancelAsync();
        Assert.Equal(Http2ErrorCode.Cancel, await pair.Peer.ReadResetAsync());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => calling);
    }

    [Fact]
    public async Task A_write_cancelled_in_the_middle_of_a_message_resets_the_call()
    {
        await using var pair = await ConnectAsync();
        await using var call = await pair.Channel.StartAsync("/p.S/M", null, None);
        using var cancellation = new CancellationTokenSource();
        var writing = call.WriteAsync(new byte[100_000], default, cancellation.Token).AsTask();
        await pair.Peer.ReadAsync(Http2FrameType.Data);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writing);
        Assert.Equal(Http2ErrorCode.Cancel, await pair.Peer.ReadResetAsync());
    }

    [Fact]
    public async Task A_changed_initial_window_applies_to_an_open_stream_and_may_leave_it_negative()
    {
        await using var pair = await ConnectAsync(RawPeer.Setting(Http2Setting.InitialWindowSize, 100));
        await using var call = await pair.Channel.StartAsync("/p.S/M", null, None);
        var writing = call.WriteAsync(new byte[295], default, None).AsTask();
        Assert.Equal(100, (await pair.Peer.ReadAsync(Http2FrameType.Data)).Payload.Length);

        // 100 were sent: a window of 40 leaves -60, and 60 more opens nothing yet.
        await pair.Peer.SendAsync(Http2FrameType.Settings, Http2Flags.None, 0, RawPeer.Setting(Http2Setting.InitialWindowSize, 40));
        await pair.Peer.SendAsync(Http2FrameType.WindowUpdate, Http2Flags.None, 1, RawPeer.Number(60));
        await pair.Peer.SendAsync(Http2FrameType.WindowUpdate, Http2Flags.None, 1, RawPeer.Number(7));
        Assert.Equal(7, (await pair.Peer.ReadAsync(Http2FrameType.Data)).Payload.Length);

        // A larger one opens the difference.
        await pair.Peer.SendAsync(Http2FrameType.Settings, Http2Flags.None, 0, RawPeer.Setting(Http2Setting.InitialWindowSize, 540));
        Assert.Equal(193, (await pair.Peer.ReadAsync(Http2FrameType.Data)).Payload.Length);
        await writing;
    }

    [Fact]
    public async Task Frames_grow_to_what_the_peer_accepts_and_not_beyond()
    {
        await using var pair = await ConnectAsync();
        await using var call = await pair.Channel.StartAsync("/p.S/M", null, None);
        await call.WriteAsync(new byte[20_000], default, None);
        Assert.Equal(16384, (await pair.Peer.ReadAsync(Http2FrameType.Data)).Payload.Length);
        Assert.Equal(20_005 - 16384, (await pair.Peer.ReadAsync(Http2FrameType.Data)).Payload.Length);

        await pair.Peer.SendAsync(Http2FrameType.Settings, Http2Flags.None, 0, RawPeer.Setting(Http2Setting.MaxFrameSize, 30_000));
        await pair.Peer.ReadAsync(Http2FrameType.Settings);
        await call.WriteAsync(new byte[40_000], default, None);
        Assert.Equal(30_000, (await pair.Peer.ReadAsync(Http2FrameType.Data)).Payload.Length);
    }

    [Fact]
    public async Task A_header_block_larger_than_a_frame_goes_out_with_CONTINUATION()
    {
        await using var pair = await ConnectAsync();
        var metadata = new Metadata();
        for (var i = 0; i < 50; i++)
        {
            metadata.Add("x-large", new string('v', 1000 + i));
        }

        await using var call = await pair.Channel.StartAsync("/p.S/M", metadata, None);
        var (_, fields) = await pair.Peer.ReadHeadersAsync();
        Assert.Equal(metadata.All("x-large"), fields.Where(field => field.Name == "x-large").Select(field => field.Value));
    }

    [Fact]
    public async Task A_header_block_in_many_frames_is_read()
    {
        await using var pair = await ConnectAsync();
        await using var call = await pair.Channel.StartAsync("/p.S/M", null, None);
        var block = RawPeer.Block(
            new(":status", "200"), new("content-type", "application/grpc"), new("x-large", new string('w', 40_000)));
        await pair.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.None, 1, block[..10]);
        await pair.Peer.SendAsync(Http2FrameType.Continuation, Http2Flags.None, 1, block[10..10]);
        await pair.Peer.SendAsync(Http2FrameType.Continuation, Http2Flags.None, 1, block[10..20_000]);
        await pair.Peer.SendAsync(Http2FrameType.Continuation, Http2Flags.EndHeaders, 1, block[20_000..]);
        Assert.Equal(40_000, (await call.ResponseHeaders).First("x-large")!.Length);
    }

    [Fact]
    public async Task Trailers_only_is_a_whole_answer()
    {
        await using var pair = await ConnectAsync();
        await using var call = await pair.Channel.StartAsync("/p.S/M", null, None);
        await pair.Peer.SendAsync(
            Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 1,
            RawPeer.Block(new(":status", "200"), new("content-type", "application/grpc"), new("grpc-status", "5"), new("grpc-message", "no%20such%20thing%F0%9F%90%B3")));
        var thrown = await Assert.ThrowsAsync<GrpcStatusException>(() => call.ReadAsync(None).AsTask());
        Assert.Equal((GrpcStatusCode.NotFound, "no such thing🐳", true), (thrown.Code, thrown.Message, thrown.FromPeer));
        Assert.Empty(await call.ResponseHeaders);

        // The caller's half is ended too, or the peer would keep the stream.
        Assert.Equal(Http2ErrorCode.NoError, await pair.Peer.ReadResetAsync());
    }

    [Theory]
    [InlineData("503", null, GrpcStatusCode.Unavailable)]
    [InlineData("404", "text/html", GrpcStatusCode.Unimplemented)]
    [InlineData("200", "text/html", GrpcStatusCode.Unknown)]
    public async Task An_answer_that_is_not_gRPC_is_refused(string status, string? type, GrpcStatusCode expected)
    {
        await using var pair = await ConnectAsync();
        await using var call = await pair.Channel.StartAsync("/p.S/M", null, None);
        await pair.Peer.SendAsync(
            Http2FrameType.Headers, Http2Flags.EndHeaders, 1,
            type is null ? RawPeer.Block(new HeaderField(":status", status)) : RawPeer.Block(new(":status", status), new("content-type", type)));
        await pair.Peer.SendAsync(Http2FrameType.Data, Http2Flags.EndStream, 1, "<html>"u8.ToArray());
        var thrown = await Assert.ThrowsAsync<GrpcStatusException>(() => call.ReadAsync(None).AsTask());
        Assert.Equal((expected, false), (thrown.Code, thrown.FromPeer));
    }

    [Fact]
    public async Task Padding_unknown_frames_and_informational_headers_change_nothing()
    {
        await using var pair = await ConnectAsync();
        await using var call = await pair.Channel.StartAsync("/p.S/M", null, None);
        await pair.Peer.SendAsync((Http2FrameType)0xbe, (Http2Flags)0xff, 1, new byte[100]);
        await pair.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders, 1, RawPeer.Block(new HeaderField(":status", "103")));
        await pair.Peer.SendAsync(
            Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.Padded | Http2Flags.Priority, 1,
            [3, 0, 0, 0, 0, 7, .. RawPeer.Response(), 0, 0, 0]);
        await pair.Peer.SendAsync(Http2FrameType.Priority, Http2Flags.None, 1, new byte[5]);
        await pair.Peer.SendAsync(Http2FrameType.Data, Http2Flags.Padded, 1, [200, .. RawPeer.Message(1, 2, 3), .. new byte[200]]);
        using var message = await call.ReadAsync(None);
        Assert.Equal([1, 2, 3], message!.Payload.ToArray());
    }

    [Fact]
    public async Task A_message_in_single_bytes_is_read()
    {
        await using var pair = await ConnectAsync();
        await using var call = await pair.Channel.StartAsync("/p.S/M", null, None);
        await pair.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders, 1, RawPeer.Response());
        var reading = call.ReadAsync(None);
        foreach (var value in RawPeer.Message(9, 8, 7))
        {
            await pair.Peer.SendAsync(Http2FrameType.Data, Http2Flags.None, 1, [value]);
        }

        using var message = await reading;
        Assert.Equal([9, 8, 7], message!.Payload.ToArray());
    }

    [Fact]
    public async Task A_gzipped_message_is_read_and_a_bomb_is_not()
    {
        var options = new Http2Options { MessageBytesMax = 1_000_000 };
        await using var pair = await ConnectAsync([], options);
        await using var call = await pair.Channel.StartAsync("/p.S/M", null, None);
        await pair.Peer.SendAsync(
            Http2FrameType.Headers, Http2Flags.EndHeaders, 1,
            RawPeer.Block(new(":status", "200"), new("content-type", "application/grpc"), new("grpc-encoding", "gzip")));
        await pair.Peer.SendAsync(Http2FrameType.Data, Http2Flags.None, 1, Gzipped(new byte[500_000]));
        using (var message = await call.ReadAsync(None))
        {
            Assert.Equal(500_000, message!.Payload.Length);
        }

        await pair.Peer.SendAsync(Http2FrameType.Data, Http2Flags.None, 1, Gzipped(new byte[1_100_000]));
        var thrown = await Assert.ThrowsAsync<GrpcStatusException>(() => call.ReadAsync(None).AsTask());
        Assert.Equal(GrpcStatusCode.ResourceExhausted, thrown.Code);
    }

    [Theory]
    [InlineData(new byte[] { 0, 0x7f, 0xff, 0xff, 0xff }, GrpcStatusCode.ResourceExhausted)]
    [InlineData(new byte[] { 0, 0xff, 0xff, 0xff, 0xff }, GrpcStatusCode.ResourceExhausted)]
    [InlineData(new byte[] { 1, 0, 0, 0, 1, 0 }, GrpcStatusCode.Internal)]
    [InlineData(new byte[] { 7, 0, 0, 0, 0 }, GrpcStatusCode.Internal)]
    [InlineData(new byte[] { 0, 0, 0 }, GrpcStatusCode.Internal)]
    [InlineData(new byte[] { 0, 0, 0, 0, 9, 1 }, GrpcStatusCode.Internal)]
    public async Task A_message_that_cannot_be_right_is_refused(byte[] bytes, GrpcStatusCode expected)
    {
        await using var pair = await ConnectAsync();
        await using var call = await pair.Channel.StartAsync("/p.S/M", null, None);
        await pair.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders, 1, RawPeer.Response());
        await pair.Peer.SendAsync(Http2FrameType.Data, Http2Flags.EndStream, 1, bytes);
        var thrown = await Assert.ThrowsAsync<GrpcStatusException>(() => call.ReadAsync(None).AsTask());
        Assert.Equal(expected, thrown.Code);
    }

    [Fact]
    public async Task An_error_after_messages_is_told_after_them()
    {
        await using var pair = await ConnectAsync();
        await using var call = await pair.Channel.StartAsync("/p.S/M", null, None);
        await pair.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders, 1, RawPeer.Response());
        await pair.Peer.SendAsync(Http2FrameType.Data, Http2Flags.None, 1, RawPeer.Message(1));
        await pair.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 1, RawPeer.Trailers(13));
        await pair.Peer.DisposeAsync();
        using (var message = await call.ReadAsync(None))
        {
            Assert.Equal([1], message!.Payload.ToArray());
        }

        var thrown = await Assert.ThrowsAsync<GrpcStatusException>(() => call.ReadAsync(None).AsTask());
        Assert.Equal((GrpcStatusCode.Internal, true), (thrown.Code, thrown.FromPeer));
    }

    [Fact]
    public async Task A_write_that_waits_learns_the_status_with_which_the_peer_ended_the_call()
    {
        await using var pair = await ConnectAsync(RawPeer.Setting(Http2Setting.InitialWindowSize, 10));
        await using var call = await pair.Channel.StartAsync("/p.S/M", null, None);
        var writing = call.WriteAsync(new byte[1000], default, None).AsTask();
        await pair.Peer.ReadAsync(Http2FrameType.Data);
        await pair.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders, 1, RawPeer.Response());
        await pair.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 1, RawPeer.Trailers(8));
        var thrown = await Assert.ThrowsAsync<GrpcStatusException>(() => writing);
        Assert.Equal(GrpcStatusCode.ResourceExhausted, thrown.Code);
    }

    [Theory]
    [InlineData(Http2ErrorCode.Cancel, GrpcStatusCode.Cancelled)]
    [InlineData(Http2ErrorCode.RefusedStream, GrpcStatusCode.Unavailable)]
    [InlineData(Http2ErrorCode.EnhanceYourCalm, GrpcStatusCode.ResourceExhausted)]
    [InlineData(Http2ErrorCode.InternalError, GrpcStatusCode.Internal)]
    public async Task A_reset_call_has_the_status_of_its_code_and_the_others_go_on(Http2ErrorCode code, GrpcStatusCode expected)
    {
        await using var pair = await ConnectAsync();
        await using var reset = await pair.Channel.StartAsync("/p.S/M", null, None);
        await using var other = await pair.Channel.StartAsync("/p.S/M", null, None);
        await pair.Peer.ReadHeadersAsync();
        await pair.Peer.ReadHeadersAsync();
        await pair.Peer.SendAsync(Http2FrameType.RstStream, Http2Flags.None, 1, RawPeer.Number((int)code));
        var thrown = await Assert.ThrowsAsync<GrpcStatusException>(() => reset.ReadAsync(None).AsTask());
        Assert.Equal((expected, false), (thrown.Code, thrown.FromPeer));

        await pair.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders, 3, RawPeer.Response());
        await pair.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 3, RawPeer.Trailers());
        Assert.Null(await other.ReadAsync(None));
    }

    [Fact]
    public async Task GOAWAY_fails_calls_that_were_not_taken_and_lets_the_others_end()
    {
        await using var pair = await ConnectAsync();
        await using var taken = await pair.Channel.StartAsync("/p.S/M", null, None);
        await using var untaken = await pair.Channel.StartAsync("/p.S/M", null, None);
        await pair.Peer.ReadHeadersAsync();
        await pair.Peer.ReadHeadersAsync();
        await pair.Peer.SendAsync(Http2FrameType.GoAway, Http2Flags.None, 0, [.. RawPeer.Number(1), .. RawPeer.Number(0xb), .. "too_many_pings"u8]);
        var thrown = await Assert.ThrowsAsync<GrpcStatusException>(() => untaken.ReadAsync(None).AsTask());
        Assert.Equal(GrpcStatusCode.Unavailable, thrown.Code);
        Assert.Contains("too_many_pings", thrown.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<GrpcStatusException>(() => pair.Channel.StartAsync("/p.S/M", null, None).AsTask());

        await pair.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders, 1, RawPeer.Response());
        await pair.Peer.SendAsync(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 1, RawPeer.Trailers());
        Assert.Null(await taken.ReadAsync(None));
        await pair.Peer.DisposeAsync();
        var end = await Assert.ThrowsAsync<Http2Exception>(() => pair.Channel.Completion);
        Assert.Contains("too_many_pings", end.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lost_connection_is_Unavailable_with_a_plain_reason()
    {
        await using var pair = await ConnectAsync();
        await using var call = await pair.Channel.StartAsync("/p.S/M", null, None);
        await pair.Peer.ReadHeadersAsync();
        await pair.Peer.DisposeAsync();
        var thrown = await Assert.ThrowsAsync<GrpcStatusException>(() => call.ReadAsync(None).AsTask());
        Assert.Equal((GrpcStatusCode.Unavailable, "The connection was closed by the peer."), (thrown.Code, thrown.Message));
    }

    [Fact]
    public async Task An_unanswered_PING_ends_the_connection()
    {
        var clock = new FakeTimeProvider();
        var options = new Http2Options { Clock = clock, KeepAliveInterval = TimeSpan.FromSeconds(10), KeepAliveTimeout = TimeSpan.FromSeconds(240) };
        await using var pair = await ConnectAsync([], options);
        await using var call = await pair.Channel.StartAsync("/p.S/M", null, None);
        await pair.Peer.ReadHeadersAsync();
        var ping = pair.Peer.ReadAsync(Http2FrameType.Ping);
        await PassTimeAsync(clock, ping);
        var reading = call.ReadAsync(None).AsTask();
        await PassTimeAsync(clock, reading);

        var thrown = await Assert.ThrowsAsync<GrpcStatusException>(() => reading);
        Assert.Equal((GrpcStatusCode.Unavailable, "No answer to a PING for 240 s."), (thrown.Code, thrown.Message));
    }

    [Fact]
    public async Task A_peer_that_answers_PINGs_is_left_alone()
    {
        var clock = new FakeTimeProvider();
        var options = new Http2Options { Clock = clock, KeepAliveInterval = TimeSpan.FromSeconds(10), KeepAliveTimeout = TimeSpan.FromSeconds(240) };
        await using var pair = await ConnectAsync([], options);
        for (var round = 0; round < 3; round++)
        {
            var ping = pair.Peer.ReadAsync(Http2FrameType.Ping);
            await PassTimeAsync(clock, ping);
            await pair.Peer.SendAsync(Http2FrameType.Ping, Http2Flags.Ack, 0, (await ping).Payload);

            // Until the answer has been read, time stands still.
            await pair.Peer.SendAsync(Http2FrameType.Ping, Http2Flags.None, 0, [1, 2, 3, 4, 5, 6, 7, 8]);
            while (!(await pair.Peer.ReadAsync(Http2FrameType.Ping)).Header.Has(Http2Flags.Ack))
            {
            }
        }

        Assert.False(pair.Channel.Completion.IsCompleted);
    }

    /// <summary>Slowly: a busy machine has a second and more to notice what happened before the limit of 240 s is over.</summary>
    private static async Task PassTimeAsync(FakeTimeProvider clock, Task until)
    {
        while (!until.IsCompleted)
        {
            clock.Advance(TimeSpan.FromSeconds(2));
            await Task.WhenAny(until, Task.Delay(10, None));
        }
    }

    [Fact]
    public async Task A_peer_that_never_speaks_HTTP2_is_named_as_such()
    {
        await using var pair = await ConnectAsync(accept: false);
        await pair.Peer.SendRawAsync("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"u8.ToArray());
        var thrown = await Assert.ThrowsAsync<Http2Exception>(() => pair.Channel.Completion);
        Assert.True(thrown.Code is Http2ErrorCode.FrameSizeError or Http2ErrorCode.ProtocolError);
    }

    private static byte[] Gzipped(byte[] plain)
    {
        using var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(plain);
        }

        return [1, .. RawPeer.Number((int)output.Length), .. output.ToArray()];
    }

    private static Task<Pair> ConnectAsync(params byte[] settings) => ConnectAsync(settings, new Http2Options());

    private static Task<Pair> ConnectAsync(bool accept) => ConnectAsync([], new Http2Options(), accept);

    private static async Task<Pair> ConnectAsync(byte[] settings, Http2Options options, bool accept = true)
    {
        var (client, server) = DuplexStream.CreatePair();
        var pair = new Pair(GrpcChannel.Start(client, "http", "host", options), new RawPeer(server));
        if (accept)
        {
            await pair.Peer.AcceptAsync(settings);

            // The channel's acknowledgement shows that it has read the settings.
            while (!(await pair.Peer.ReadAsync(Http2FrameType.Settings)).Header.Has(Http2Flags.Ack))
            {
            }
        }

        return pair;
    }

    private sealed record Pair(GrpcChannel Channel, RawPeer Peer) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Peer.DisposeAsync();
            await Channel.DisposeAsync();
        }
    }
}
