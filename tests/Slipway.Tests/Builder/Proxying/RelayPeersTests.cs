using System.Net.Sockets;
using System.Security.Cryptography;
using CsCheck;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Slipway.Builder.Proxying;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.BuildKit.Wire.Control;
using Xunit;
using static Slipway.Tests.Builder.Proxying.FramePeer;

namespace Slipway.Tests.Builder.Proxying;

/// <summary>The relay between real HTTP/2 peers: .NET's own and the engine's.</summary>
public sealed class RelayPeersTests
{
    private const string SessionPath = "/moby.buildkit.v1.Control/Session";
    private const string InfoPath = "/moby.buildkit.v1.Control/Info";

    [Fact]
    public async Task An_upload_and_a_download_between_NETs_peers_arrive_unchanged()
    {
        await using var engine = await KestrelEngine.StartAsync();
        await using var bed = new RelayBed();
        using var client = HttpClientThrough(bed, engine);
        var body = RandomNumberGenerator.GetBytes(32 << 20);
        using var response = await client.SendAsync(Post(SessionPath, body), HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(SHA256.HashData(body), SHA256.HashData(await response.Content.ReadAsByteArrayAsync()));
        Assert.Equal("0", response.TrailingHeaders.GetValues("grpc-status").Single());
    }

    [Fact]
    public async Task Ten_thousand_refused_calls_do_not_disturb_a_running_upload()
    {
        await using var engine = await KestrelEngine.StartAsync();
        await using var bed = new RelayBed();
        using var client = HttpClientThrough(bed, engine);
        var body = RandomNumberGenerator.GetBytes(48 << 20);
        var upload = client.SendAsync(Post(SessionPath, body));
        var refused = new byte[16384];
        await Parallel.ForAsync(0, 10_000, new ParallelOptions { MaxDegreeOfParallelism = 50 }, async (_, cancellation) =>
        {
            using var response = await client.SendAsync(Post("/moby.buildkit.v1.Control/Prune", refused), cancellation);
            Assert.Equal("7", response.Headers.TryGetValues("grpc-status", out var values) ? values.Single() : null);
        });
        using var response = await upload;
        Assert.Equal(SHA256.HashData(body), SHA256.HashData(await response.Content.ReadAsByteArrayAsync()));
        Assert.Equal(1, engine.Connections);
        Assert.Equal([SessionPath], engine.Paths);
    }

    [Fact]
    public async Task The_clients_own_HTTP_2_speaks_through_it_both_ways()
    {
        await using var bed = new RelayBed();
        var (near, far) = await RelayBed.SocketsAsync();
        var server = new GrpcServer(new Dictionary<string, GrpcHandler>
        {
            [SessionPath] = EchoAsync,
            [ControlClient.SolvePath] = async (call, cancellation) =>
            {
                var solve = await call.ReadMessageAsync(SolveRequest.Parser, cancellation);
                await call.WriteMessageAsync(new SolveResponse { ExporterResponse = { ["frontend"] = solve!.Frontend } }, cancellation);
            },
        });
        using var stop = new CancellationTokenSource();
        var serving = server.ServeAsync(far, new Http2Options(), stop.Token);
        var (client, _) = await bed.ConnectAsync(near);
        await using (var channel = GrpcChannel.Start(client, "http", "engine", new Http2Options()))
        {
            var metadata = new Metadata([new("x-docker-expose-session-uuid", "0123456789012345678901234"), new("x-twice", "a"), new("x-twice", "b")]);
            await using var session = await channel.StartAsync(SessionPath, metadata, default);
            var body = RandomNumberGenerator.GetBytes(3 << 20);
            var writing = WriteAllAsync(session, body, times: 8);
            var control = new ControlClient(channel);
            for (var i = 0; i < 20; i++)
            {
                var frontend = new string((char)('a' + i), 200_000);
                Assert.Equal(frontend, (await control.SolveAsync(new SolveRequest { Ref = $"r{i}", Frontend = frontend }, default)).ExporterResponse["frontend"]);
            }

            Assert.Equal("v0.32.0", (await control.ListWorkersAsync(default)).Record.Single().BuildkitVersion.Version);
            for (var i = 0; i < 8; i++)
            {
                using var echoed = await session.ReadAsync(default);
                Assert.Equal(body.Length, echoed!.Payload.Length);
            }

            await writing;
            Assert.Null(await session.ReadAsync(default));
            Assert.Equal(["a", "b"], (await session.ResponseHeaders).All("x-twice"));
        }

        await stop.CancelAsync();
        await serving.ContinueWith(_ => { }, TaskScheduler.Default);
        Assert.Equal(40, bed.Events.Count);
    }

    /// <summary>However the bytes of a conversation are cut, the engine sees the same frames.</summary>
    [Fact]
    public async Task Cutting_the_bytes_anywhere_changes_nothing()
    {
        var conversation = Conversation();
        var whole = await SeenAsync(conversation, [conversation.Length]);
        Assert.Contains("1 end", whole, StringComparison.Ordinal);
        await Gen.Int[1, 400].Array[20, 60].SampleAsync(
            async cuts => Assert.Equal(whole, await SeenAsync(conversation, cuts)), iter: 60, threads: 2);
    }

    /// <summary>Passing, held, refused and locally answered calls, padding, continuations, resets and unknown frames.</summary>
    private static byte[] Conversation()
    {
        byte[] End(int id, byte[] data) => Frame(Http2FrameType.Data, Http2Flags.EndStream, id, data);
        byte[] Head(int id, string path, params HeaderField[] more) => Frame(Http2FrameType.Headers, Http2Flags.EndHeaders, id, Block(Request(path, more)));
        var solve = Message(new SolveRequest { Ref = "r", Frontend = new string('f', 3000) }.ToByteArray());
        var split = Block(Request(InfoPath, new HeaderField("x-long", new string('x', 300))));
        return new[]
        {
            Http2Frame.ClientPreface.ToArray(), Frame(Http2FrameType.Settings, 0, 0, Setting(Http2Setting.InitialWindowSize, 100_000)),
            Head(1, SessionPath, new HeaderField("x-docker-expose-session-uuid", "0123456789012345678901234")),
            Frame(Http2FrameType.Data, 0, 1, [.. Enumerable.Range(0, 2000).Select(i => (byte)i)]),
            Head(3, "/moby.buildkit.v1.Control/Solve"), Frame(Http2FrameType.Data, 0, 3, solve.AsSpan(0, 1000)),
            Head(5, "/moby.buildkit.v1.Control/Prune"), Frame(Http2FrameType.Data, Http2Flags.Padded, 5, [9, .. new byte[500]]),
            Frame(Http2FrameType.Data, Http2Flags.Padded, 1, [3, 7, 7, 7, 7, 0, 0, 0]),
            Frame((Http2FrameType)0x77, 0, 0, new byte[40]), Frame(Http2FrameType.Ping, 0, 0, new byte[8]),
            Frame(Http2FrameType.Data, Http2Flags.Padded, 3, [2, .. solve[1000..2000], 0, 0]), End(3, solve[2000..]),
            Frame(Http2FrameType.Headers, 0, 7, split.AsSpan(0, 50)), Frame(Http2FrameType.Continuation, 0, 7, split.AsSpan(50, 10)),
            Frame(Http2FrameType.Continuation, Http2Flags.EndHeaders, 7, split.AsSpan(60)), Frame(Http2FrameType.RstStream, 0, 7, Number(8)),
            Frame(Http2FrameType.WindowUpdate, 0, 1, Number(77)), Head(9, "/moby.buildkit.v1.Control/DiskUsage"), End(9, Message([])),
            End(5, [1]), End(1, [.. Enumerable.Range(0, 1000).Select(i => (byte)(i * 3))]),
        }.SelectMany(frame => frame).ToArray();
    }

    private static async Task<string> SeenAsync(byte[] conversation, int[] cuts)
    {
        await using var bed = new RelayBed();
        var (client, engine, end) = await bed.ConnectAsync();
        var seen = Task.Run(async () => Describe(await (await engine.AcceptPrefaceAsync()).ReadToEndAsync()));
        await engine.OpenServerAsync();
        var at = 0;
        for (var i = 0; at < conversation.Length; i++)
        {
            var count = Math.Min(cuts[i % cuts.Length], conversation.Length - at);
            await client.Stream.WriteAsync(conversation.AsMemory(at, count));
            at += count;
            await Task.Yield();
        }

        // The refusal and the local answer are there when the last frame has been handled.
        await client.ReadAsync(Http2FrameType.Headers, 9);
        ((NetworkStream)client.Stream).Socket.Shutdown(SocketShutdown.Send);
        Assert.Equal(RelayOutcome.ClientReset, (await end).Outcome);
        return await seen;
    }

    /// <summary>What a server makes of the frames: each stream's headers, bytes and end; grants and resets.</summary>
    private static string Describe(List<PeerFrame> frames)
    {
        var streams = frames.Where(frame => frame.Head.StreamId != 0).GroupBy(frame => frame.Head.StreamId).OrderBy(group => group.Key).Select(group =>
        {
            var data = group.Where(frame => frame.Head.Type == Http2FrameType.Data)
                .SelectMany(frame => frame.Head.Has(Http2Flags.Padded) ? frame.Payload[1..^frame.Payload[0]] : frame.Payload).ToArray();
            return $"{group.Key} {string.Join(';', group.SelectMany(frame => frame.Fields))} {Convert.ToHexString(SHA256.HashData(data))} {data.Length} "
                + $"{group.Where(frame => frame.Head.Type == Http2FrameType.WindowUpdate).Sum(frame => frame.Value)} "
                + $"{group.Count(frame => frame.Head.Type == Http2FrameType.RstStream)} reset {(group.Any(frame => frame.EndStream) ? group.Key + " end" : "open")}";
        });
        return string.Join('\n', streams) + $"\n{frames.Count(frame => frame.Head.Type == Http2FrameType.Ping)} pings";
    }

    private static async Task WriteAllAsync(GrpcCall call, byte[] body, int times)
    {
        for (var i = 0; i < times; i++)
        {
            await call.WriteAsync(ReadOnlyMemory<byte>.Empty, body, default);
        }

        await call.CompleteWritesAsync(default);
    }

    private static async Task EchoAsync(GrpcServerCall call, CancellationToken cancellation)
    {
        foreach (var twice in call.RequestHeaders.All("x-twice"))
        {
            call.ResponseHeaders.Add("x-twice", twice);
        }

        while (await call.ReadAsync(cancellation) is { } message)
        {
            using (message)
            {
                foreach (var part in message.Payload)
                {
                    Assert.True(part.Length >= 0);
                }

                await call.WriteAsync(ReadOnlyMemory<byte>.Empty, System.Buffers.BuffersExtensions.ToArray(message.Payload), cancellation);
            }
        }
    }

    private static HttpClient HttpClientThrough(RelayBed bed, KestrelEngine engine) => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancellation) =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync("127.0.0.1", engine.Port, cancellation);
            return (await bed.ConnectAsync(new NetworkStream(socket, ownsSocket: true))).Client;
        },
    })
    {
        Timeout = TimeSpan.FromMinutes(2),
    };

    private static HttpRequestMessage Post(string path, byte[] body)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "http://engine" + path)
        {
            Version = System.Net.HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body),
        };
        request.Content.Headers.ContentType = new("application/grpc");
        request.Headers.Add("x-docker-expose-session-uuid", Guid.NewGuid().ToString());
        return request;
    }

    /// <summary>Kestrel in an engine's place: sends every request's body back.</summary>
    private sealed class KestrelEngine : IAsyncDisposable
    {
        private readonly WebApplication _app;
        private int _connections;

        private KestrelEngine(WebApplication app) => _app = app;

        public int Port { get; private set; }

        public int Connections => _connections;

        public List<string> Paths { get; } = [];

        public static async Task<KestrelEngine> StartAsync()
        {
            var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            builder.Logging.ClearProviders();
            KestrelEngine? engine = null;
            builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
            {
                kestrel.Limits.MaxRequestBodySize = null;
                kestrel.Limits.MinRequestBodyDataRate = null;
                kestrel.Limits.MinResponseDataRate = null;
                kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen =>
                {
                    listen.Protocols = HttpProtocols.Http2;
                    listen.Use(next => connection =>
                    {
                        Interlocked.Increment(ref engine!._connections);
                        return next(connection);
                    });
                });
            });
            var app = builder.Build();
            engine = new KestrelEngine(app);
            app.Run(engine.EchoAsync);
            await app.StartAsync();
            engine.Port = new Uri(app.Urls.Single()).Port;
            return engine;
        }

        public ValueTask DisposeAsync() => _app.DisposeAsync();

        private async Task EchoAsync(HttpContext context)
        {
            lock (Paths)
            {
                Paths.Add(context.Request.Path);
            }

            context.Response.ContentType = "application/grpc";
            context.Response.AppendTrailer("grpc-status", "0");

            // .NET's client reads nothing of a response before it has sent the whole request.
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            await context.Response.Body.WriteAsync(body.GetBuffer().AsMemory(0, (int)body.Length));
        }
    }
}
