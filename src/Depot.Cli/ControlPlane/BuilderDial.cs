using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Slipway.BuildKit.Compression;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.BuildKit.Proxies;
using Slipway.Contract.Depot.Cli.V1;

namespace Depot.Cli.ControlPlane;

/// <summary>Opens the connection to a builder: TCP, mutual TLS with the build's own certificate, HTTP/2.</summary>
internal static class BuilderDial
{
    private static readonly TimeSpan DialTimeout = TimeSpan.FromSeconds(10);

    /// <summary>A silent builder is noticed after interval + timeout: half of the minute within which a lost connection must end.</summary>
    private static readonly TimeSpan KeepAliveInterval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan KeepAliveTimeout = TimeSpan.FromSeconds(20);

    public static async Task<GrpcChannel> ConnectAsync(
        GetBuildKitConnectionResponse.Types.ActiveConnection machine, ProxyRules proxies, TimeProvider clock, CancellationToken cancellation)
    {
        var line = new LineGauge();
        var stream = await OpenAsync(machine, proxies, line, clock, cancellation);
        return GrpcChannel.Start(stream, IsPlain(machine) ? "http" : "https", Authority(machine), new Http2Options
        {
            KeepAliveInterval = KeepAliveInterval,
            KeepAliveTimeout = KeepAliveTimeout,
            Clock = clock,
        }, line);
    }

    /// <summary>The connection itself, for a client that speaks HTTP/2 on its own.</summary>
    public static async Task<Stream> OpenAsync(
        GetBuildKitConnectionResponse.Types.ActiveConnection machine, ProxyRules proxies, LineGauge? line, TimeProvider clock, CancellationToken cancellation)
    {
        var address = ParseEndpoint(machine.Endpoint);
        using var limit = new CancellationTokenSource(DialTimeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        try
        {
            return IsPlain(machine)
                ? await EngineTransport.ConnectAsync(address, dockerUpgrade: false, either.Token)
                : await SecureAsync(machine, address, Authority(machine), proxies.Find(address), line, either.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new BuilderUnreachableException($"The builder at {address.Authority} did not answer within {DialTimeout.TotalSeconds:0} s.", mayPass: true);
        }
        catch (IOException problem)
        {
            // A refused connection may be a builder that starts; a certificate does not get better.
            throw new BuilderUnreachableException(problem.Message, mayPass: problem.InnerException is SocketException, problem);
        }
    }

    /// <summary>No certificates: a builder of the server's own machine that speaks in the clear, as the published client takes it.</summary>
    private static bool IsPlain(GetBuildKitConnectionResponse.Types.ActiveConnection machine) => machine.Cert is null || machine.CaCert is null;

    private static string Authority(GetBuildKitConnectionResponse.Types.ActiveConnection machine) =>
        machine.ServerName.Length > 0 ? machine.ServerName : ParseEndpoint(machine.Endpoint).Host;

    private static async Task<Stream> SecureAsync(
        GetBuildKitConnectionResponse.Types.ActiveConnection machine, Uri address, string serverName, Uri? proxy, LineGauge? line, CancellationToken cancellation)
    {
        try
        {
            using var own = ClientCertificate.FromPem(machine.Cert.Cert_, machine.Cert.Key);
            var authorities = new X509Certificate2Collection();
            authorities.ImportFromPem(machine.CaCert.Cert_);
            return await BuilderTransport.ConnectAsync(address.IdnHost, address.Port, serverName, own, authorities, proxy, line, cancellation);
        }
        catch (CryptographicException problem)
        {
            throw new CliException($"the server sent a certificate for the builder that cannot be used: {problem.Message}", inner: problem);
        }
    }

    private static Uri ParseEndpoint(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme == "tcp" && address.Port > 0
            ? address
            : throw new CliException($"the server named a builder address that is none: \"{text}\"");
}

/// <summary>A builder could not be connected to.</summary>
internal sealed class BuilderUnreachableException(string message, bool mayPass, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>A later try may succeed.</summary>
    public bool MayPass { get; } = mayPass;
}
