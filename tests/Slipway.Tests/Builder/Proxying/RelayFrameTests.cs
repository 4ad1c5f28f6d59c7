using System.Security.Cryptography;
using Google.Protobuf;
using Slipway.Builder.Proxying;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.BuildKit.Wire.Control;
using Xunit;
using static Slipway.Tests.Builder.Proxying.FramePeer;

namespace Slipway.Tests.Builder.Proxying;

public sealed class RelayFrameTests
{
    private const string InfoPath = "/moby.buildkit.v1.Control/Info";
    private const string SolvePath = "/moby.buildkit.v1.Control/Solve";
    private const string SessionPath = "/moby.buildkit.v1.Control/Session";
    private const string PrunePath = "/moby.buildkit.v1.Control/Prune";
    private const string WorkersPath = "/moby.buildkit.v1.Control/ListWorkers";
    private static readonly HeaderField SessionId = new("x-docker-expose-session-uuid", "0123456789012345678901234");

    [Fact]
    public async Task A_call_passes_with_its_message_headers_and_trailers()
    {
        await using var bed = new RelayBed();
        var (client, engine, end) = await bed.ConnectAsync();
        await client.OpenClientAsync();
        await engine.AcceptPrefaceAsync();
        await engine.OpenServerAsync();
        await client.SendHeadersAsync(1, Request(InfoPath, new HeaderField("x-one", "1")));
        await client.SendDataAsync(1, Message([1, 2, 3]), endStream: true);

        var headers = await engine.ReadAsync(Http2FrameType.Headers);
        Assert.Equal("1", headers["x-one"]);
        Assert.Equal(Message([1, 2, 3]), (await engine.ReadAsync(Http2FrameType.Data)).Payload);
        await engine.SendHeadersAsync(1, [new(":status", "200"), new("content-type", "application/grpc")]);
        await engine.SendDataAsync(1, Message([4]));
        await engine.SendHeadersAsync(1, [new("grpc-status", "0"), new("x-trailer", "t")], endStream: true);

        Assert.Equal("200", (await client.ReadAsync(Http2FrameType.Headers))[":status"]);
        Assert.Equal(Message([4]), (await client.ReadAsync(Http2FrameType.Data)).Payload);
        var trailers = await client.ReadAsync(Http2FrameType.Headers);
        Assert.True(trailers.EndStream);
        Assert.Equal("t", trailers["x-trailer"]);

        await client.DisposeAsync();
        Assert.Equal(RelayOutcome.ClientClosed, (await end).Outcome);
        Assert.Null(await engine.ReadAsync());
    }

    [Fact]
    public async Task A_header_block_in_many_pieces_arrives_whole_and_its_repeated_entries_stay_apart()
    {
        await using var bed = new RelayBed();
        var (client, engine, _) = await bed.ConnectAsync();
        await client.OpenClientAsync();
        await engine.AcceptPrefaceAsync();
        await engine.OpenServerAsync();
        HeaderField[] repeated = [.. Enumerable.Range(0, 2000).Select(i => new HeaderField("x-docker-expose-session-grpc-method", $"/a.B/C{i}"))];
        var block = Block(Request(SessionPath, [SessionId, .. repeated]));
        var pieces = block.Chunk(777).ToArray();
        for (var i = 0; i < pieces.Length; i++)
        {
            await client.SendAsync(Frame(
                i == 0 ? Http2FrameType.Headers : Http2FrameType.Continuation,
                i == pieces.Length - 1 ? Http2Flags.EndHeaders : 0,
                1,
                pieces[i]));
        }

        var headers = await engine.ReadAsync(Http2FrameType.Headers);
        Assert.Equal(repeated, headers.Fields.Where(field => field.Name == repeated[0].Name));
    }

    [Fact]
    public async Task The_clients_header_table_survives_refused_calls()
    {
        await using var bed = new RelayBed();
        var (client, engine, _) = await bed.ConnectAsync();
        await client.OpenClientAsync();
        await engine.AcceptPrefaceAsync();
        await engine.OpenServerAsync();

        // A refused call adds an entry (literal with indexing, new name); the next call uses it (index 62).
        byte[] adds = [0x40, 3, (byte)'x', (byte)'-', (byte)'a', 5, .. "value"u8];
        await client.SendAsync(Frame(
            Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 1, [.. Block(Request(PrunePath)), .. adds]));
        var refusal = await client.ReadAsync(Http2FrameType.Headers, 1);
        Assert.Equal((int)GrpcStatusCode.PermissionDenied, refusal.Status);
        Assert.True(refusal.EndStream);

        await client.SendAsync(Frame(Http2FrameType.Headers, Http2Flags.EndHeaders, 3, [.. Block(Request(InfoPath)), 0x80 | 62]));
        var headers = await engine.ReadAsync(Http2FrameType.Headers);
        Assert.Equal("value", headers["x-a"]);
        Assert.Equal(1, headers.Head.StreamId);
    }

    [Fact]
    public async Task Each_side_sees_only_settings_that_hold_end_to_end()
    {
        await using var bed = new RelayBed();
        var (client, engine, _) = await bed.ConnectAsync();
        await client.OpenClientAsync(
            Setting(Http2Setting.HeaderTableSize, 0), Setting(Http2Setting.EnablePush, 1), Setting(Http2Setting.MaxFrameSize, 1 << 20));
        await engine.AcceptPrefaceAsync();
        await engine.OpenServerAsync(Setting(Http2Setting.HeaderTableSize, 65536), Setting(Http2Setting.InitialWindowSize, 1 << 20));

        Assert.Equal<byte[]>(
            [.. Setting(Http2Setting.MaxFrameSize, 1 << 20), .. Setting(Http2Setting.EnablePush, 0)],
            (await engine.ReadAsync(Http2FrameType.Settings)).Payload);
        Assert.Equal<byte[]>(
            [.. Setting(Http2Setting.InitialWindowSize, 1 << 20), .. Setting(Http2Setting.MaxConcurrentStreams, 250)],
            (await client.ReadAsync(Http2FrameType.Settings)).Payload);
        await client.SendAsync(Frame(Http2FrameType.Settings, Http2Flags.Ack, 0, []));
        Assert.True((await engine.ReadAsync(Http2FrameType.Settings)).Head.Has(Http2Flags.Ack));
    }

    [Fact]
    public async Task A_held_call_reaches_the_engine_only_when_it_is_whole_and_approved()
    {
        await using var bed = new RelayBed();
        var (client, engine, _) = await bed.ConnectAsync();
        await client.OpenClientAsync();
        await engine.AcceptPrefaceAsync();
        await engine.OpenServerAsync();
        var solve = Message(new SolveRequest { Ref = "r1", FrontendAttrs = { ["cgroup-parent"] = "/", ["target"] = "t" } }.ToByteArray());
        await client.SendHeadersAsync(1, Request(SolvePath));
        await client.SendDataAsync(1, solve[..7]);
        await client.SendHeadersAsync(3, Request(InfoPath), endStream: true);

        // The later call overtakes it and takes the engine's first number.
        var info = await engine.ReadAsync(Http2FrameType.Headers);
        Assert.Equal((InfoPath, 1), (info[":path"], info.Head.StreamId));
        await client.SendWindowAsync(1, 1000);
        await client.SendDataAsync(1, solve[7..], endStream: true);

        var headers = await engine.ReadAsync(Http2FrameType.Headers);
        Assert.Equal((SolvePath, 3), (headers[":path"], headers.Head.StreamId));
        Assert.Equal(1000u, (await engine.ReadAsync(Http2FrameType.WindowUpdate, 3)).Value);
        var data = await engine.ReadAsync(Http2FrameType.Data, 3);
        Assert.True(data.EndStream);
        var sent = SolveRequest.Parser.ParseFrom(data.Payload.AsSpan(5));
        Assert.Equal(["target"], sent.FrontendAttrs.Keys);
        Assert.Equal(["started build-a r1"], bed.Events);
    }

    [Theory]
    [InlineData(65535, 65535)]
    [InlineData(1, 65535)]
    [InlineData(0, 10_000)]
    [InlineData(1 << 20, 1 << 20)]
    public async Task A_large_solve_passes_through_small_windows(int streamWindow, int grant)
    {
        await using var bed = new RelayBed();
        var (client, engine, _) = await bed.ConnectAsync();
        await client.OpenClientAsync();
        await engine.AcceptPrefaceAsync();
        await engine.OpenServerAsync(Setting(Http2Setting.InitialWindowSize, (uint)streamWindow));
        var body = Message(new SolveRequest { Ref = "r1", Definition = new() { Def = { ByteString.CopyFrom(RandomNumberGenerator.GetBytes(5 << 20)) } } }.ToByteArray());

        var upload = UploadAsync(client, 1, SolvePath, body, streamWindow);
        var received = await DownloadAsync(engine, streamWindow, (uint)grant);
        await upload;
        Assert.Equal(SHA256.HashData(body), SHA256.HashData(received));
    }

    [Fact]
    public async Task Windows_of_held_calls_follow_a_change_of_the_initial_window()
    {
        await using var bed = new RelayBed();
        var (client, engine, _) = await bed.ConnectAsync();
        await client.OpenClientAsync();
        await engine.AcceptPrefaceAsync();
        await engine.OpenServerAsync();
        await client.SendHeadersAsync(1, Request(SolvePath));
        var body = Message(new SolveRequest { Ref = "r1", Frontend = new string('f', 40_000) }.ToByteArray());
        await client.SendDataAsync(1, body[..16384]);
        Assert.Equal(16384u, (await client.ReadAsync(Http2FrameType.WindowUpdate, 0)).Value);

        // The stream's window at the client falls to 1 - 16384; the relay lifts it again for its own reading.
        await engine.OpenServerAsync(Setting(Http2Setting.InitialWindowSize, 1));
        var lifted = await client.ReadAsync(Http2FrameType.WindowUpdate, 1);
        Assert.Equal(16383u + 65536, lifted.Value);
        foreach (var part in body[16384..].Chunk(16384))
        {
            await client.SendDataAsync(1, part);
        }

        await client.SendDataAsync(1, [], endStream: true);
        Assert.Single((await engine.ReadAsync(Http2FrameType.Data)).Payload);
        await engine.OpenServerAsync(Setting(Http2Setting.InitialWindowSize, 101));
        Assert.Equal(100, (await engine.ReadAsync(Http2FrameType.Data)).Payload.Length);
        await engine.SendWindowAsync(1, 7);
        Assert.Equal(7, (await engine.ReadAsync(Http2FrameType.Data)).Payload.Length);
    }

    [Fact]
    public async Task Bytes_that_the_relay_puts_in_never_overrun_the_engines_window()
    {
        await using var bed = new RelayBed();
        var (client, engine, _) = await bed.ConnectAsync();
        await client.OpenClientAsync();
        await engine.AcceptPrefaceAsync();
        await engine.OpenServerAsync(Setting(Http2Setting.InitialWindowSize, 1 << 20));

        // The held message takes 40,000 bytes of the engine's 65,535; the client was given them back, but for small change, and uses 50,000 more.
        var body = Message(new SolveRequest { Ref = "r1", Frontend = new string('f', 40_000) }.ToByteArray());
        await client.SendHeadersAsync(1, Request(SolvePath));
        foreach (var part in body.Chunk(16384))
        {
            await client.SendDataAsync(1, part);
        }

        for (var credit = 65535L - body.Length; credit <= 65535 - RelayLimits.GrantMin(65535);)
        {
            credit += (await client.ReadAsync(Http2FrameType.WindowUpdate, 0)).Value;
        }

        await client.SendHeadersAsync(3, Request(SessionPath, SessionId));
        await client.SendDataAsync(1, [], endStream: true);
        var sent = 0;
        for (; sent < 50_000; sent += 10_000)
        {
            await client.SendDataAsync(3, [.. Enumerable.Repeat((byte)(sent / 10_000), 10_000)]);
        }

        await client.SendDataAsync(3, [], endStream: true);
        var received = new List<byte>();
        var total = 0;
        for (var window = 65535; received.Count < sent;)
        {
            var frame = await engine.ReadAsync(Http2FrameType.Data);
            window -= frame.Payload.Length;
            total += frame.Payload.Length;
            Assert.True(window >= 0, "The engine's connection window was overrun.");
            if (frame.Head.StreamId == 1)
            {
                received.AddRange(frame.Payload);
            }

            if (window < 10_000)
            {
                await engine.SendWindowAsync(0, 20_000);
                window += 20_000;
            }
        }

        Assert.Equal(Enumerable.Range(0, sent).Select(i => (byte)(i / 10_000)), received);
    }

    [Fact]
    public async Task Small_grants_of_the_engine_reach_the_client_as_few_large_ones()
    {
        await using var bed = new RelayBed();
        var (client, engine, _) = await bed.ConnectAsync();
        await client.OpenClientAsync();
        await engine.AcceptPrefaceAsync();
        await engine.OpenServerAsync(Setting(Http2Setting.InitialWindowSize, 64_000));
        await client.SendHeadersAsync(1, Request(SessionPath, SessionId));
        Assert.Equal(SessionPath, (await engine.ReadAsync(Http2FrameType.Headers))[":path"]);
        foreach (var _ in Enumerable.Range(0, 4))
        {
            await client.SendDataAsync(1, new byte[10_000]);
            await engine.ReadAsync(Http2FrameType.Data);
            foreach (var streamId in (int[])[1, 0, 1, 0])
            {
                await engine.SendWindowAsync(streamId, 5_000);
            }
        }

        // An eighth of either window is 8,000 and 8,191 bytes. How many grants come together depends on how they arrive.
        var granted = new Dictionary<int, uint> { [0] = 0, [1] = 0 };
        while (granted[0] < 40_000 || granted[1] < 40_000)
        {
            var frame = await client.ReadAsync(Http2FrameType.WindowUpdate);
            Assert.True(frame.Value >= 8_000, $"a grant of {frame.Value}");
            granted[frame.Head.StreamId] += frame.Value;
        }

        Assert.Equal((40_000u, 40_000u), (granted[0], granted[1]));

        // What is still kept back goes out when the windows change.
        await engine.SendWindowAsync(1, 3_000);
        await engine.OpenServerAsync(Setting(Http2Setting.InitialWindowSize, 64_001));
        Assert.Equal(3_000u, (await client.ReadAsync(Http2FrameType.WindowUpdate, 1)).Value);
    }

    [Fact]
    public async Task Refused_calls_leak_no_window()
    {
        await using var bed = new RelayBed();
        var (client, engine, _) = await bed.ConnectAsync();
        await client.OpenClientAsync();
        await engine.AcceptPrefaceAsync();
        await engine.OpenServerAsync();
        using var bodies = new SemaphoreSlim(65535 / 16384);
        var answers = Task.Run(async () =>
        {
            var (granted, refused, allowed) = (0L, 0, 0L);
            while (refused < 10_000 || granted < 10_000L * 16384)
            {
                var frame = (await client.ReadAsync())!;
                granted += frame.Head is { Type: Http2FrameType.WindowUpdate, StreamId: 0 } ? frame.Value : 0;
                refused += frame.Head.Type == Http2FrameType.Headers ? 1 : 0;
                for (; (allowed + 1) * 16384 <= granted; allowed++)
                {
                    bodies.Release();
                }
            }

            return granted;
        });
        for (var i = 0; i < 10_000; i++)
        {
            await bodies.WaitAsync();
            await client.SendAsync(
                Frame(Http2FrameType.Headers, Http2Flags.EndHeaders, 1 + (2 * i), Block(Request(PrunePath))),
                Frame(Http2FrameType.Data, Http2Flags.EndStream, 1 + (2 * i), new byte[16384]));
        }

        Assert.Equal(10_000L * 16384, await answers);
    }

    [Fact]
    public async Task Nothing_comes_before_the_engines_settings()
    {
        await using var bed = new RelayBed();
        var (client, engine, end) = await bed.ConnectAsync();
        await client.OpenClientAsync();
        await client.SendHeadersAsync(1, Request(PrunePath), endStream: true);
        await client.SendHeadersAsync(3, Request(InfoPath), endStream: true);
        await engine.AcceptPrefaceAsync();
        await engine.ReadAsync(Http2FrameType.Headers, 1);
        await engine.OpenServerAsync();
        Assert.Equal(Http2FrameType.Settings, (await client.ReadAsync())!.Head.Type);
        Assert.Equal((int)GrpcStatusCode.PermissionDenied, (await client.ReadAsync())!.Status);
        await engine.DisposeAsync();
        Assert.Equal(RelayOutcome.EngineClosedEarly, (await end).Outcome);
    }

    [Fact]
    public async Task An_engine_that_dies_before_it_speaks_is_told_of_in_HTTP_2()
    {
        await using var bed = new RelayBed();
        var (client, engine, _) = await bed.ConnectAsync();
        await client.OpenClientAsync();
        await client.SendHeadersAsync(1, Request(InfoPath), endStream: true);
        await engine.AcceptPrefaceAsync();
        await engine.ReadAsync(Http2FrameType.Headers, 1);
        await engine.DisposeAsync();
        var frames = await client.ReadToEndAsync();
        Assert.Equal([Http2FrameType.Settings, Http2FrameType.Headers, Http2FrameType.GoAway], frames.Select(frame => frame.Head.Type));
        Assert.Equal((int)GrpcStatusCode.Unavailable, frames[1].Status);
    }

    [Fact]
    public async Task An_unfinished_refused_call_is_reset_and_its_late_data_swallowed()
    {
        await using var bed = new RelayBed();
        var (client, engine, _) = await bed.ConnectAsync();
        await client.OpenClientAsync();
        await engine.AcceptPrefaceAsync();
        await engine.OpenServerAsync();
        await client.SendHeadersAsync(1, Request("/moby.buildkit.v1.frontend.LLBBridge/ExecProcess"));
        Assert.Equal((int)GrpcStatusCode.PermissionDenied, (await client.ReadAsync(Http2FrameType.Headers, 1)).Status);
        Assert.Equal((uint)Http2ErrorCode.NoError, (await client.ReadAsync(Http2FrameType.RstStream, 1)).Value);
        await client.SendDataAsync(1, new byte[9000]);
        Assert.Equal(9000u, (await client.ReadAsync(Http2FrameType.WindowUpdate, 0)).Value);
        await client.SendHeadersAsync(3, Request(InfoPath), endStream: true);
        Assert.Equal(InfoPath, (await engine.ReadAsync(Http2FrameType.Headers))[":path"]);
    }

    [Fact]
    public async Task The_builder_answers_for_the_workers_without_the_hosts_name()
    {
        await using var bed = new RelayBed();
        var (client, engine, _) = await bed.ConnectAsync();
        await client.OpenClientAsync(Setting(Http2Setting.InitialWindowSize, 10));
        await engine.AcceptPrefaceAsync();
        await engine.OpenServerAsync();
        await client.SendHeadersAsync(1, Request(WorkersPath));
        await client.SendDataAsync(1, Message([]), endStream: true);
        Assert.Equal("200", (await client.ReadAsync(Http2FrameType.Headers, 1))[":status"]);
        var first = await client.ReadAsync(Http2FrameType.Data, 1);
        Assert.Equal(10, first.Payload.Length);
        await client.SendWindowAsync(1, 10_000);
        var rest = await client.ReadAsync(Http2FrameType.Data, 1);
        var workers = ListWorkersResponse.Parser.ParseFrom([.. first.Payload[5..], .. rest.Payload]);
        Assert.Equal(["org.mobyproject.buildkit.worker.snapshotter"], workers.Record.Single().Labels.Keys);
        Assert.Equal("v0.32.0", workers.Record.Single().BuildkitVersion.Version);
        var trailers = await client.ReadAsync(Http2FrameType.Headers, 1);
        Assert.Equal((0, true), (trailers.Status, trailers.EndStream));
    }

    [Fact]
    public async Task When_the_engine_dies_open_calls_hear_of_it_at_once()
    {
        await using var bed = new RelayBed();
        var (client, engine, end) = await bed.ConnectAsync();
        await client.OpenClientAsync();
        await engine.AcceptPrefaceAsync();
        await engine.OpenServerAsync();
        await client.SendHeadersAsync(1, Request(SolvePath));
        await client.SendDataAsync(1, Message(new SolveRequest { Ref = "r1" }.ToByteArray()), endStream: true);
        await engine.ReadAsync(Http2FrameType.Data);
        await engine.DisposeAsync();

        var trailers = await client.ReadAsync(Http2FrameType.Headers, 1);
        Assert.Equal((int)GrpcStatusCode.Unavailable, trailers.Status);
        Assert.Equal(RelayOutcome.EngineClosedEarly, (await end).Outcome);
        await client.ReadToEndAsync();
        Assert.StartsWith("ended build-a r1 Unavailable", bed.Events[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_revoked_build_is_told_and_disconnected()
    {
        await using var bed = new RelayBed();
        using var revoked = new CancellationTokenSource();
        var (client, engine, end) = await bed.ConnectAsync(RelayBed.Admission("build-a", revoked.Token));
        await client.OpenClientAsync();
        await engine.AcceptPrefaceAsync();
        await engine.OpenServerAsync();
        await client.SendHeadersAsync(1, Request(InfoPath));
        await engine.ReadAsync(Http2FrameType.Headers);
        await revoked.CancelAsync();
        Assert.Equal((int)GrpcStatusCode.PermissionDenied, (await client.ReadAsync(Http2FrameType.Headers, 1)).Status);
        Assert.Equal(RelayOutcome.Revoked, (await end).Outcome);
        Assert.Null(await engine.ReadAsync(Http2FrameType.Data).ContinueWith(read => read.IsCompletedSuccessfully ? "data" : null));
    }

    [Fact]
    public async Task A_solve_ends_with_the_status_in_its_trailers_also_when_it_is_reset_or_the_client_goes()
    {
        await using var bed = new RelayBed();
        var (client, engine, end) = await bed.ConnectAsync();
        await client.OpenClientAsync();
        await engine.AcceptPrefaceAsync();
        await engine.OpenServerAsync();
        for (var i = 0; i < 3; i++)
        {
            await client.SendHeadersAsync(1 + (2 * i), Request(SolvePath));
            await client.SendDataAsync(1 + (2 * i), Message(new SolveRequest { Ref = $"r{i}" }.ToByteArray()), endStream: true);
            await engine.ReadAsync(Http2FrameType.Data);
        }

        await engine.SendHeadersAsync(1, [new(":status", "200"), new("grpc-status", "2"), new("grpc-message", "no%20way")], endStream: true);
        await client.ReadAsync(Http2FrameType.Headers, 1);
        await client.SendAsync(Frame(Http2FrameType.RstStream, 0, 3, Number(8)));
        Assert.Equal(8u, (await engine.ReadAsync(Http2FrameType.RstStream, 3)).Value);
        await client.DisposeAsync();
        Assert.Equal(RelayOutcome.ClientReset, (await end).Outcome);
        Assert.Equal(
            [
                "started build-a r0", "started build-a r1", "started build-a r2", "ended build-a r0 Unknown no way",
                "ended build-a r1 Cancelled the client cancelled the call", "ended build-a r2 Cancelled the client's connection ended",
            ],
            bed.Events);
    }

    [Fact]
    public async Task An_engine_that_says_goodbye_finishes_what_it_has_begun()
    {
        await using var bed = new RelayBed();
        var (client, engine, end) = await bed.ConnectAsync();
        await client.OpenClientAsync();
        await engine.AcceptPrefaceAsync();
        await engine.OpenServerAsync();
        await client.SendHeadersAsync(1, Request(InfoPath), endStream: true);
        await client.SendHeadersAsync(3, Request(InfoPath), endStream: true);
        await engine.ReadAsync(Http2FrameType.Headers, 3);
        await engine.SendAsync(Frame(Http2FrameType.GoAway, 0, 0, [.. Number(1), .. Number(0)]));
        Assert.Equal(3u, (await client.ReadAsync(Http2FrameType.GoAway)).Value);
        Assert.Equal((uint)Http2ErrorCode.RefusedStream, (await client.ReadAsync(Http2FrameType.RstStream, 3)).Value);
        await engine.SendHeadersAsync(1, [new(":status", "200"), new("grpc-status", "0")], endStream: true);
        Assert.Equal(0, (await client.ReadAsync(Http2FrameType.Headers, 1)).Status);
        await engine.DisposeAsync();
        Assert.Equal(RelayOutcome.EngineClosed, (await end).Outcome);
    }

    [Fact]
    public async Task A_client_that_floods_is_disconnected()
    {
        await using var bed = new RelayBed();
        var (client, engine, end) = await bed.ConnectAsync();
        await client.OpenClientAsync();
        await engine.AcceptPrefaceAsync();
        await engine.OpenServerAsync();
        for (var i = 0; i < RelayLimits.SettingsPerIntervalMax; i++)
        {
            await client.SendAsync(Frame(Http2FrameType.Settings, 0, 0, []));
        }

        Assert.Equal(RelayOutcome.ClientMisbehaved, (await end).Outcome);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nXX")]
    public async Task A_client_that_does_not_speak_HTTP_2_is_disconnected(string words)
    {
        await using var bed = new RelayBed();
        var (client, _, end) = await bed.ConnectAsync();
        await client.SendAsync(System.Text.Encoding.ASCII.GetBytes(words));
        Assert.Equal(RelayOutcome.ClientMisbehaved, (await end).Outcome);
    }

    /// <summary>Sends a request as a client does that obeys its windows.</summary>
    private static async Task UploadAsync(FramePeer client, int id, string path, byte[] body, long streamWindow)
    {
        await client.ReadAsync(Http2FrameType.Settings);
        await client.SendHeadersAsync(id, Request(path));
        var (connection, stream, at) = (65535L, streamWindow, 0);
        while (at < body.Length)
        {
            var count = (int)Math.Min(Math.Min(connection, stream), Math.Min(16384, body.Length - at));
            if (count <= 0)
            {
                var update = await client.ReadAsync(Http2FrameType.WindowUpdate);
                connection += update.Head.StreamId == 0 ? update.Value : 0;
                stream += update.Head.StreamId == id ? update.Value : 0;
                continue;
            }

            await client.SendDataAsync(id, body[at..(at + count)], endStream: at + count == body.Length);
            (connection, stream, at) = (connection - count, stream - count, at + count);
        }
    }

    /// <summary>Reads a request as a server does that watches over its windows.</summary>
    private static async Task<byte[]> DownloadAsync(FramePeer engine, long streamWindow, uint grant)
    {
        var body = new MemoryStream();
        var headers = await engine.ReadAsync(Http2FrameType.Headers);
        var (connection, stream) = (65535L, streamWindow);
        while (true)
        {
            if (stream <= 0)
            {
                await engine.SendWindowAsync(headers.Head.StreamId, grant);
                stream += grant;
            }

            var data = await engine.ReadAsync(Http2FrameType.Data);
            body.Write(data.Payload);
            connection -= data.Payload.Length;
            stream -= data.Payload.Length;
            Assert.True(connection >= 0 && stream >= 0, "A window was overrun.");
            if (data.EndStream)
            {
                return body.ToArray();
            }

            if (connection < 40_000)
            {
                await engine.SendWindowAsync(0, 25_000);
                connection += 25_000;
            }
        }
    }
}
