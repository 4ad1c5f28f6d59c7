using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Slipway.BuildKit.Compression;
using Slipway.BuildKit.Proxies;

namespace Slipway.BuildKit.Control;

/// <summary>Connects to a remote engine over mutual TLS, trusting only the authorities it was told of.</summary>
public static class BuilderTransport
{
    private static readonly TimeSpan DialTimeout = TimeSpan.FromSeconds(15);

    /// <summary>Connects and shakes hands: TLS 1.3, ALPN h2, this client's certificate, the server's checked against
    /// <paramref name="authorities"/> and <paramref name="serverName"/>.</summary>
    /// <param name="proxy">The proxy that leads to the builder, if any.</param>
    /// <param name="line">Watches the connection, if given.</param>
    /// <exception cref="IOException">The builder cannot be reached, or is not the one that was asked for.</exception>
    public static Task<Stream> ConnectAsync(
        string host, int port, string serverName, X509Certificate2 client, X509Certificate2Collection authorities, Uri? proxy, LineGauge? line, CancellationToken cancellation) =>
        ConnectAsync(host, port, serverName, client, authorities, proxy, line, DialTimeout, TimeProvider.System, cancellation);

    /// <summary>Begins what the first handshake of a process would otherwise wait for, some 60 ms of work: on Linux, .NET reads all of the
    /// machine's authorities before it builds any certificate chain, also one that trusts none of them (dotnet/runtime#106394).</summary>
    public static void Prepare() => ThreadPool.UnsafeQueueUserWorkItem(_ => ReadMachineAuthorities(), null);

    internal static async Task<Stream> ConnectAsync(
        string host, int port, string serverName, X509Certificate2 client, X509Certificate2Collection authorities, Uri? proxy,
        LineGauge? line, TimeSpan timeout, TimeProvider clock, CancellationToken cancellation)
    {
        using var timer = new CancellationTokenSource(timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, timer.Token);
        try
        {
            var network = await ProxyTunnel.ConnectAsync(proxy, host, port, either.Token);
            line?.Watch(network);
            return await ShakeHandsAsync(network, $"{host}:{port}", serverName, client, authorities, either.Token);
        }
        catch (OperationCanceledException) when (timer.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw new IOException(
                $"The builder at {host}:{port} did not answer within {timeout.TotalSeconds:0} s. Check that this machine may reach that port.");
        }
        catch (Exception failure) when (failure is SocketException or ProxyException)
        {
            throw new IOException($"The builder at {host}:{port} cannot be reached: {failure.Message}.", failure);
        }
    }

    private static void ReadMachineAuthorities()
    {
        try
        {
            using var store = new X509Store(StoreName.Root, StoreLocation.LocalMachine, OpenFlags.ReadOnly);
            foreach (var authority in store.Certificates)
            {
                authority.Dispose();
            }
        }
        catch (CryptographicException)
        {
            // The handshake will say what is wrong, if it matters to it.
        }
    }

    private static async Task<Stream> ShakeHandsAsync(
        Stream network, string address, string serverName, X509Certificate2 client, X509Certificate2Collection authorities,
        CancellationToken cancellation)
    {
        var fault = "";
        var tls = new SslStream(new BatchedStream(network));
        try
        {
            await tls.AuthenticateAsClientAsync(
                Options(serverName, client, authorities, whenRefused: found => fault = found), cancellation);
        }
        catch (OperationCanceledException)
        {
            await tls.DisposeAsync();
            throw;
        }
        catch (Exception failure) when (failure is AuthenticationException or IOException)
        {
            await tls.DisposeAsync();
            throw new IOException(
                fault.Length > 0
                    ? $"The builder at {address} is not the one this build was given: {fault}."
                    : $"The builder at {address} broke off the TLS handshake: {(failure.InnerException ?? failure).Message}",
                failure);
        }

        if (tls.NegotiatedApplicationProtocol != SslApplicationProtocol.Http2)
        {
            await tls.DisposeAsync();
            throw new IOException($"The server at {address} does not speak HTTP/2 (ALPN h2), so it is no builder.");
        }

        return tls;
    }

    private static SslClientAuthenticationOptions Options(
        string serverName, X509Certificate2 client, X509Certificate2Collection authorities, Action<string> whenRefused)
    {
        // No revocation check and no download of missing issuers: certificates live as long as one build, and the authorities are all here.
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(authorities);
        policy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1", "serverAuth"));
        return new SslClientAuthenticationOptions
        {
            TargetHost = serverName,
            EnabledSslProtocols = SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            ClientCertificateContext = SslStreamCertificateContext.Create(client, additionalCertificates: null, offline: true),
            CertificateChainPolicy = policy,
            RemoteCertificateValidationCallback = (_, _, chain, errors) =>
            {
                if (errors != SslPolicyErrors.None)
                {
                    whenRefused(Describe(errors, serverName, chain));
                }

                return errors == SslPolicyErrors.None;
            },
        };
    }

    private static string Describe(SslPolicyErrors errors, string serverName, X509Chain? chain)
    {
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
        {
            return "it shows no certificate";
        }

        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            return $"its certificate is not for '{serverName}'";
        }

        var status = chain?.ChainStatus is [var first, ..] ? first.Status.ToString() : "unknown";
        return $"its certificate is not signed by the expected authority or is not valid now ({status})";
    }
}
