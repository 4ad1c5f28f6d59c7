using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Slipway.Bench.Reporting;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.BuildKit.Session;

namespace Slipway.Bench.Engine;

/// <summary>A client-streaming upload over loopback TCP: straight, and through a session inside another call, as a build's context goes.</summary>
internal static class EngineUpload
{
    private const string Path = "/bench.Sink/Upload";
    private const string Outer = "/bench.Host/Session";

    public static async Task RunAsync(BenchRun run)
    {
        var bytes = run.Thorough ? 1L << 30 : 1L << 28;
        foreach (var message in (int[])[32 * 1024, 1024 * 1024])
        {
            List<Sample> raw = [], plain = [], nested = [];
            for (var round = -1; round < run.Rounds(3, 7); round++)
            {
                run.Cancellation.ThrowIfCancellationRequested();
                var samples = (Raw: await MeasureAsync(RawAsync, bytes, message), Plain: await MeasureAsync(PlainAsync, bytes, message),
                    Nested: await MeasureAsync(NestedAsync, bytes, message));
                if (round >= 0)
                {
                    raw.Add(samples.Raw);
                    plain.Add(samples.Plain);
                    nested.Add(samples.Nested);
                }
            }

            Row Rate(string shape, List<Sample> samples) => Row.Of(
                "grpc-upload", $"{shape}, {message / 1024} KiB", "MiB/s", Rates(samples, bytes), "plain TCP", Rates(raw, bytes), Goal.None);
            run.Report.Add(Rate("one connection", plain), Rate("inside a session", nested));
        }
    }

    private static double[] Rates(List<Sample> samples, long bytes) => [.. samples.Select(sample => bytes / sample.Seconds / (1 << 20))];

    private static async Task<Sample> MeasureAsync(Func<Stream, Stream, long, int, Task> run, long bytes, int message)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        using var server = await listener.AcceptTcpClientAsync();
        server.NoDelay = true;
        var watch = Stopwatch.StartNew();
        await run(client.GetStream(), server.GetStream(), bytes, message);
        return new Sample(watch.Elapsed.TotalSeconds);
    }

    private static async Task RawAsync(Stream client, Stream server, long bytes, int message)
    {
        var reading = Task.Run(async () =>
        {
            var buffer = new byte[256 * 1024];
            for (long left = bytes; left > 0;)
            {
                left -= await server.ReadAsync(buffer);
            }
        });
        var sent = new byte[message];
        for (long left = bytes; left > 0; left -= message)
        {
            await client.WriteAsync(sent);
        }

        await reading;
    }

    private static async Task PlainAsync(Stream client, Stream server, long bytes, int message)
    {
        var sink = new GrpcServer(new Dictionary<string, GrpcHandler> { [Path] = DrainAsync });
        var serving = sink.ServeAsync(server, new Http2Options(), CancellationToken.None);
        await using (var channel = GrpcChannel.Start(client, "http", "localhost", new Http2Options()))
        {
            await SendAsync(channel, bytes, message);
        }

        await serving;
    }

    /// <summary>The sender's HTTP/2 server and the sink's HTTP/2 client talk inside a call of an outer connection. The direction of the
    /// upload is a session's: from the side that opened the outer call, as answers of a call that the other side makes.</summary>
    private static async Task NestedAsync(Stream client, Stream server, long bytes, int message)
    {
        var sender = new GrpcServer(new Dictionary<string, GrpcHandler> { [Path] = (call, cancellation) => SendAsync(call, bytes, message, cancellation) });
        var host = new GrpcServer(new Dictionary<string, GrpcHandler>
        {
            [Outer] = async (call, cancellation) =>
            {
                await using var inner = GrpcChannel.Start(new SessionStream(call), "http", "localhost", new Http2Options { FrameBytesMax = Http2Frame.DefaultPayloadBytesMax });
                await using var pull = await inner.StartAsync(Path, null, cancellation);
                await pull.CompleteWritesAsync(cancellation);
                await DrainAsync(pull, cancellation);
            },
        });
        var hosting = host.ServeAsync(server, new Http2Options(), CancellationToken.None);
        await using (var channel = GrpcChannel.Start(client, "http", "localhost", new Http2Options()))
        {
            await using var outer = await channel.StartAsync(Outer, null, CancellationToken.None);
            await sender.ServeAsync(new SessionStream(outer), new Http2Options(), CancellationToken.None);
        }

        await hosting;
    }

    private static async Task SendAsync(GrpcChannel channel, long bytes, int message)
    {
        await using var call = await channel.StartAsync(Path, null, CancellationToken.None);
        await SendAsync(call, bytes, message, CancellationToken.None);
        await call.CompleteWritesAsync(CancellationToken.None);
        if (await call.ReadAsync(CancellationToken.None) is not null)
        {
            throw new InvalidDataException("The sink answered.");
        }
    }

    private static async Task SendAsync(IGrpcStream call, long bytes, int message, CancellationToken cancellation)
    {
        var body = new byte[message];
        new Random(1).NextBytes(body);
        for (long left = bytes; left > 0; left -= message)
        {
            await call.WriteAsync(default, body, cancellation);
        }
    }

    private static async Task DrainAsync(IGrpcStream call, CancellationToken cancellation)
    {
        while (await call.ReadAsync(cancellation) is { } message)
        {
            message.Dispose();
        }
    }

    private readonly record struct Sample(double Seconds);
}
