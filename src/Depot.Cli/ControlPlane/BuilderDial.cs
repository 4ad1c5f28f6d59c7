using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
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
        GetBuildKitConnectionResponse.Types.ActiveConnection machine, TimeProvider clock, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(DialTimeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        try
        {
            var (stream, scheme, authority) = await OpenAsync(machine, either.Token);
            return GrpcChannel.Start(stream, scheme, authority, new Http2Options
            {
                KeepAliveInterval = KeepAliveInterval,
                KeepAliveTimeout = KeepAliveTimeout,
                Clock = clock,
            });
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new BuilderUnreachableException("connection timed out", mayPass: true);
        }
        catch (Exception problem) when (problem is SocketException or IOException)
        {
            throw new BuilderUnreachableException(Unreachable.Reason(problem), mayPass: true, problem);
        }
        catch (Exception problem) when (problem is AuthenticationException or CryptographicException)
        {
            throw new BuilderUnreachableException($"TLS failed: {Unreachable.Reason(problem)}", mayPass: false, problem);
        }
    }

    private static async Task<(Stream Stream, string Scheme, string Authority)> OpenAsync(
        GetBuildKitConnectionResponse.Types.ActiveConnection machine, CancellationToken cancellation)
    {
        var address = ParseEndpoint(machine.Endpoint);
        var authority = machine.ServerName.Length > 0 ? machine.ServerName : address.Host;
        var socket = await ConnectSocketAsync(address, cancellation);
        var plain = new NetworkStream(socket, ownsSocket: true);

        // No certificates: a builder of the server's own machine that speaks in the clear, as the published client takes it.
        if (machine.Cert is null || machine.CaCert is null)
        {
            return (plain, "http", authority);
        }

        var secure = new SslStream(plain);
        try
        {
            await secure.AuthenticateAsClientAsync(TlsOptions(machine, authority), cancellation);
            return (secure, "https", authority);
        }
        catch
        {
            await secure.DisposeAsync();
            throw;
        }
    }

    private static SslClientAuthenticationOptions TlsOptions(GetBuildKitConnectionResponse.Types.ActiveConnection machine, string serverName)
    {
        var own = X509Certificate2.CreateFromPem(machine.Cert.Cert_, machine.Cert.Key);
        var chain = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        chain.CustomTrustStore.ImportFromPem(machine.CaCert.Cert_);
        return new SslClientAuthenticationOptions
        {
            TargetHost = serverName,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            ClientCertificateContext = SslStreamCertificateContext.Create(own, additionalCertificates: null, offline: true),
            CertificateChainPolicy = chain,
        };
    }

    private static async Task<Socket> ConnectSocketAsync(Uri address, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new DnsEndPoint(address.IdnHost, address.Port), cancellation);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static Uri ParseEndpoint(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme == "tcp" && address.Port > 0
            ? address
            : throw new CliException($"the server named a builder address that is none: \"{text}\"");
}

/// <summary>A builder could not be connected to.</summary>
/// <param name="mayPass">A later try may succeed.</param>
internal sealed class BuilderUnreachableException(string message, bool mayPass, Exception? inner = null) : Exception(message, inner)
{
    public bool MayPass { get; } = mayPass;
}
