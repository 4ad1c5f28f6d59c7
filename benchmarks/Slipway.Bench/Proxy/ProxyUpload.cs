using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Slipway.Builder.Access;
using Slipway.Builder.Listening;
using Slipway.Builder.Proxying;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.BuildKit.Wire.Control;

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

    /// <summary>Rounds of both, interleaved; prints the medians and their ratio.</summary>
    public async Task RunAsync(long bytes, int rounds, string output)
    {
        foreach (var message in (int[])[32 * 1024, 256 * 1024, 1024 * 1024])
        {
            List<Run> direct = [], relayed = [];
            for (var round = -1; round < rounds; round++)
            {
                var plain = await OnceAsync(bytes, message, relay: false);
                var through = await OnceAsync(bytes, message, relay: true);
                if (round >= 0)
                {
                    direct.Add(plain);
                    relayed.Add(through);
                }
            }

            Report(bytes, message, Run.Median(direct), Run.Median(relayed), output);
        }
    }

    private static void Report(long bytes, int message, Run direct, Run relayed, string output)
    {
        var ratio = direct.Seconds / relayed.Seconds;
        var name = string.Create(CultureInfo.InvariantCulture, $"proxy-upload-{message / 1024}k");
        string Words(Run run) => string.Create(
            CultureInfo.InvariantCulture, $"{bytes / run.Seconds / (1 << 20),5:0} MiB/s, {run.CpuSeconds * (1 << 30) / bytes:0.00} s CPU per GiB");
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name,-20} direct {Words(direct)} | relayed {Words(relayed)} | ratio {ratio:0.00} (must {RatioMust:0.00}) {(ratio >= RatioMust ? "ok" : "UNDER")}"));
        Directory.CreateDirectory(output);
        var json = JsonSerializer.Serialize(new { name, direct, relayed, ratio, ratioMust = RatioMust }, JsonSerializerOptions.Web);
        File.WriteAllText(System.IO.Path.Combine(output, name + ".json"), json);
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
        await using var serverTls = new SslStream(relay ? new BatchedSocketStream(accepted.Client) : accepted.GetStream());
        var tls = new SslStream(client.GetStream());
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
        var near = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await near.ConnectAsync(new UnixDomainSocketEndPoint(address), cancellation);
        await using var engine = new NetworkStream(near, ownsSocket: true);
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
    private sealed record Run(double Seconds, double CpuSeconds)
    {
        public static Run Median(List<Run> runs) => runs.OrderBy(run => run.Seconds).ElementAt(runs.Count / 2);
    }

    private static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=bench", key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
