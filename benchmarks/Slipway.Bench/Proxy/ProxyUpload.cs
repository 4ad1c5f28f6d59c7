using System.Diagnostics;
using System.Net.Security;
using System.Net.Sockets;
using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Security.Cryptography;
using Slipway.Bench.Reporting;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.BuildKit.Wire.Control;
using Slipway.Builder.Access;
using Slipway.Builder.Proxying;

namespace Slipway.Bench.Proxy;

/// <summary>A client-streaming upload over mutual TLS, straight into a sink and through the builder's relay into the same sink.</summary>
internal sealed class ProxyUpload : IDisposable
{
    private const string Path = "/moby.buildkit.v1.Control/Session";
    private const double RatioMust = 0.8;

    private readonly X509Certificate2 _certificate = Certificate();
    private readonly GrpcServer _sink = new(new Dictionary<string, GrpcHandler> { [Path] = DrainAsync });
    private readonly EngineScope _engine = new(TimeProvider.System);
    private readonly MethodPolicy _policy = new(new EnginePolicy { ListWorkers = _ => ValueTask.FromResult(new ListWorkersResponse()) });

    private readonly BuildAdmission _admission = new()
    {
        BuildId = "b", LeaseId = "l", ProjectId = "p", Architecture = "amd64", ExpiresAt = DateTimeOffset.MaxValue, Revoked = default,
    };

    public void Dispose() => _certificate.Dispose();

    public static async Task RunAsync(BenchRun run)
    {
        using var upload = new ProxyUpload();
        await upload.MeasureAsync(run, bytes: run.Thorough ? 1L << 30 : 1L << 29);
    }

    /// <summary>Rounds of both, interleaved.</summary>
    private async Task MeasureAsync(BenchRun run, long bytes)
    {
        foreach (var message in (int[])[32 * 1024, 256 * 1024, 1024 * 1024])
        {
            List<Run> direct = [], relayed = [];
            for (var round = -1; round < run.Rounds(5, 15); round++)
            {
                run.Cancellation.ThrowIfCancellationRequested();
                var plain = await OnceAsync(bytes, message, relay: false);
                var through = await OnceAsync(bytes, message, relay: true);
                if (round >= 0)
                {
                    direct.Add(plain);
                    relayed.Add(through);
                }
            }

            Row Compare(string measure, string unit, Func<Run, double> figure, Goal goal) => Row.Of(
                "proxy-upload", $"{measure}, {message / 1024} KiB", unit, [.. relayed.Select(figure)], "no proxy", [.. direct.Select(figure)], goal);
            run.Report.Add(
                Compare("rate", "MiB/s", once => bytes / once.Seconds / (1 << 20), Goal.RatioAtLeast(RatioMust)),
                Compare("processor", "s/GiB", once => once.CpuSeconds * (1 << 30) / bytes, Goal.None));
        }
    }

    private async Task<Run> OnceAsync(long bytes, int message, bool relay)
    {
        using var stop = new CancellationTokenSource();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        using var accepted = await listener.AcceptTcpClientAsync();
        accepted.NoDelay = true;
        await using var serverTls = new SslStream(new BatchedStream(accepted.GetStream()));
        var tls = new SslStream(new BatchedStream(client.GetStream()));
        await Task.WhenAll(
            serverTls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
            {
                ServerCertificate = _certificate,
                ClientCertificateRequired = true,
                EnabledSslProtocols = SslProtocols.Tls13,
                ApplicationProtocols = [SslApplicationProtocol.Http2],
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
            }),
            tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "bench",
                ClientCertificates = [_certificate],
                ApplicationProtocols = [SslApplicationProtocol.Http2],
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
            }));
        var serving = Task.Run(() => relay ? ServeRelayedAsync(serverTls, stop.Token) : ServeDirectAsync(serverTls, stop.Token));
        var run = await UploadAsync(tls, bytes, message);
        await stop.CancelAsync();
        await serving;
        return run;
    }

    private static async Task<Run> UploadAsync(Stream tls, long bytes, int message)
    {
        var body = RandomNumberGenerator.GetBytes(message);
        var metadata = new Metadata([new("x-docker-expose-session-uuid", Guid.NewGuid().ToString())]);
        await using var channel = GrpcChannel.Start(tls, "https", "bench", new Http2Options());
        var (clock, busy) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
        await using var call = await channel.StartAsync(Path, metadata, default);
        for (var sent = 0L; sent < bytes; sent += message)
        {
            await call.WriteAsync(ReadOnlyMemory<byte>.Empty, body, default);
        }

        await call.CompleteWritesAsync(default);
        await call.ReadAsync(default);
        return new Run(clock.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - busy).TotalSeconds);
    }

    private async Task ServeDirectAsync(Stream client, CancellationToken cancellation)
    {
        try
        {
            await _sink.ServeAsync(client, new Http2Options(), cancellation);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
        }
    }

    private async Task ServeRelayedAsync(Stream client, CancellationToken cancellation)
    {
        var address = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"slipway-bench-{Environment.ProcessId}.sock");
        File.Delete(address);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(address));
        listener.Listen();
        await using var engine = await EngineTransport.ConnectAsync(new Uri($"unix://{address}"), dockerUpgrade: false, cancellation);
        await using var far = new NetworkStream(await listener.AcceptAsync(cancellation), ownsSocket: true);
        var sink = ServeDirectAsync(far, cancellation);
        await EngineRelay.RunAsync(client, engine, _engine.Enter(_admission), _policy, cancellation);
        await sink;
        File.Delete(address);
    }

    private static async Task DrainAsync(GrpcServerCall call, CancellationToken cancellation)
    {
        while (await call.ReadAsync(cancellation) is { } message)
        {
            message.Dispose();
        }
    }

    /// <summary>Client, relay and sink together.</summary>
    private sealed record Run(double Seconds, double CpuSeconds);

    private static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=bench", key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
