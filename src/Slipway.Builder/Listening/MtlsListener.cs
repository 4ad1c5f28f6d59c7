using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Slipway.Builder.Access;
using Slipway.Builder.Proxying;
using Slipway.Builder.Records;
using Slipway.BuildKit.Control;

namespace Slipway.Builder.Listening;

/// <summary>Accepts builds over mutual TLS and relays each connection to the engine of its lease.</summary>
internal sealed class MtlsListener : IDisposable
{
    /// <summary>Waiting to be accepted by this process: a busy CI starts many builds in one moment.</summary>
    private const int Backlog = 512;

    /// <summary>Handshakes going on at a time. Each takes a socket and some 50 KiB, and strangers may begin one.</summary>
    internal const int HandshakesMax = 512;

    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan DialTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(1);

    private readonly LeaseGate _gate;
    private readonly BuildWitness _witness;
    private readonly BuilderOptions _options;
    private readonly ILogger _log;
    private readonly EngineDirectory _engines;
    private readonly Socket _listener;
    private readonly HandshakeRoom _handshakes = new(HandshakesMax);
    private readonly ConditionalWeakTable<X509Certificate2, SslStreamCertificateContext> _contexts = [];

    /// <summary>Binds the address at once, so that <see cref="Endpoint"/> is known; clients wait until <see cref="RunAsync"/>.</summary>
    /// <exception cref="BuilderException">The address cannot be had.</exception>
    public MtlsListener(LeaseGate gate, BuildWitness witness, BuilderOptions options, ILogger<MtlsListener>? log = null)
    {
        (_gate, _witness, _options, _log) = (gate, witness, options, log ?? NullLogger<MtlsListener>.Instance);
        _engines = new EngineDirectory(gate, witness, options.Clock);
        if (!BuilderOptions.TryParseListen(options.Listen, out var endpoint))
        {
            throw new BuilderException($"the listen address is \"{options.Listen}\": it must be ADDRESS:PORT, for example 0.0.0.0:8443");
        }

        _listener = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            _listener.Bind(endpoint);
            _listener.Listen(Backlog);
        }
        catch (SocketException e)
        {
            _listener.Dispose();
            throw new BuilderException($"cannot listen on {options.Listen}: {e.Message}; choose another address with --listen", e);
        }
    }

    /// <summary>The address in use.</summary>
    public IPEndPoint Endpoint => (IPEndPoint)_listener.LocalEndPoint!;

    /// <summary>Serves until <paramref name="cancellation"/> fires; every connection has ended when this returns.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var connections = new HashSet<Task>();
        try
        {
            while (true)
            {
                var socket = await AcceptAsync(cancellation);
                connections.RemoveWhere(connection => connection.IsCompleted);
                connections.Add(Task.Run(() => ServeAsync(socket, cancellation), CancellationToken.None));
            }
        }
        finally
        {
            _listener.Dispose();
            await Task.WhenAll(connections);
        }
    }

    public void Dispose() => _listener.Dispose();

    private async Task<Socket> AcceptAsync(CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return await _listener.AcceptAsync(cancellation);
            }
            catch (SocketException e)
            {
                // The peer left before it was accepted, or descriptors ran out, which passes.
                _log.LogWarning("a connection could not be accepted: {Reason}", e.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(100), _options.Clock, cancellation);
            }
        }
    }

    private async Task ServeAsync(Socket socket, CancellationToken stopping)
    {
        try
        {
            Prepare(socket);
            await using var tls = new SslStream(new BatchedStream(new NetworkStream(socket, ownsSocket: true)));
            var admission = await ShakeHandsAsync(tls, ((IPEndPoint)socket.RemoteEndPoint!).Address, stopping);
            await RelayAsync(tls, admission, stopping);
        }
        catch (Exception e) when (e is AuthenticationException or IOException or SocketException or OperationCanceledException)
        {
            _log.LogDebug("a connection from {Peer} ended: {Reason}", Peer(socket), e.Message);
        }
        catch (Exception e)
        {
            _log.LogError(e, "a connection ended by a fault of the builder");
        }
        finally
        {
            socket.Dispose();
        }
    }

    /// <summary>A peer that has vanished without a word is noticed after 15 s + 3 × 15 s.</summary>
    private static void Prepare(Socket socket)
    {
        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 15);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 15);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
    }

    private async Task<BuildAdmission> ShakeHandsAsync(SslStream tls, IPAddress peer, CancellationToken stopping)
    {
        using var place = _handshakes.Enter(peer);
        using var patience = new CancellationTokenSource(HandshakeTimeout, _options.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, patience.Token, place.CrowdedOut);
        var verdict = GateVerdict.Refuse("it showed no certificate");
        await tls.AuthenticateAsServerAsync(
            (_, hello, _, _) => ValueTask.FromResult(OptionsFor(hello.ServerName, judged => verdict = judged)), null, either.Token);
        return verdict.Admission ?? throw new AuthenticationException(verdict.Refusal);
    }

    private SslServerAuthenticationOptions OptionsFor(string serverName, Action<GateVerdict> judged)
    {
        var certificate = _gate.CertificateFor(serverName) ?? throw new AuthenticationException($"no lease is called {serverName}");
        return new SslServerAuthenticationOptions
        {
            ServerCertificateContext = _contexts.GetValue(
                certificate, own => SslStreamCertificateContext.Create(own, additionalCertificates: null, offline: true)),
            EnabledSslProtocols = SslProtocols.Tls13,

            // Whoever offers something else is turned away; whoever offers nothing (buildx's remote driver) must speak HTTP/2 all the same.
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            ClientCertificateRequired = true,
            AllowRenegotiation = false,

            // A resumed session would skip the question whether the build is still let in.
            AllowTlsResume = false,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,

            // The gate judges the chain by the builder's own authorities; nothing is to be fetched on a stranger's word.
            CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                DisableCertificateDownloads = true,
                RevocationMode = X509RevocationMode.NoCheck,
            },
            RemoteCertificateValidationCallback = (_, presented, _, _) =>
            {
                var verdict = presented is X509Certificate2 client
                    ? _gate.Admit(serverName, client)
                    : GateVerdict.Refuse("it showed no certificate");
                judged(verdict);
                if (!verdict.IsAdmitted)
                {
                    _log.LogWarning("a client of {Lease} was turned away: {Reason}", serverName, verdict.Refusal);
                }

                return verdict.IsAdmitted;
            },
        };
    }

    private async Task RelayAsync(SslStream tls, BuildAdmission admission, CancellationToken stopping)
    {
        _witness.ConnectionOpened(admission);
        try
        {
            // Between the gate's question and the count others may have come in.
            if (admission.Connections > LeaseGate.ConnectionsPerBuildMax)
            {
                await EngineRelay.ApologizeAsync(tls, "this build holds too many connections", stopping);
                return;
            }

            await using var engine = await DialAsync(tls, admission, stopping);
            if (engine is not null)
            {
                var (scope, policy) = _engines.Enter(admission);
                var end = await EngineRelay.RunAsync(tls, engine, scope, policy, stopping);
                _log.LogDebug("build {Build}: a connection ended: {Outcome}: {Detail}", admission.BuildId, end.Outcome, end.Detail);
            }

            await CloseAsync(tls);
        }
        finally
        {
            _witness.ConnectionClosed(admission);
        }
    }

    private async Task<Stream?> DialAsync(SslStream tls, BuildAdmission admission, CancellationToken stopping)
    {
        using var patience = new CancellationTokenSource(DialTimeout, _options.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, admission.Revoked, patience.Token);
        try
        {
            return await _gate.DialEngineAsync(admission.LeaseId, either.Token);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            _log.LogWarning(
                "build {Build}: {Outcome}: its engine cannot be reached: {Reason}", admission.BuildId, RelayOutcome.EngineUnreachable, e.Message);
            await EngineRelay.ApologizeAsync(tls, "the build engine cannot be reached; run the build again", stopping);
            return null;
        }
    }

    /// <summary>Says goodbye in TLS, so that the client can tell an end from a cut.</summary>
    private async Task CloseAsync(SslStream tls)
    {
        using var patience = new CancellationTokenSource(CloseTimeout, _options.Clock);
        try
        {
            await tls.ShutdownAsync().WaitAsync(patience.Token);
            await tls.FlushAsync(patience.Token);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or InvalidOperationException)
        {
        }
    }

    private static string Peer(Socket socket)
    {
        try
        {
            return socket.RemoteEndPoint?.ToString() ?? "nowhere";
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return "nowhere";
        }
    }
}
