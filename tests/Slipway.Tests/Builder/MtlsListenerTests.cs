using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Slipway.Builder;
using Slipway.Builder.Access;
using Slipway.Builder.Listening;
using Slipway.Builder.Records;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.BuildKit.Wire.Control;
using Slipway.Tests.Support;
using Xunit;

namespace Slipway.Tests.Builder;

/// <summary>The builder's door on a real socket: who gets through to the engine, and what those who do not can do to those who do.</summary>
public sealed class MtlsListenerTests : IAsyncLifetime
{
    private const string LeaseName = "lone.builder.slipway";
    private const string OtherLeaseName = "ltwo.builder.slipway";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);
    private readonly TemporaryFolder _folder = new();
    private readonly TestAuthority _clients = new("build clients", DateTimeOffset.UtcNow);
    private readonly TestAuthority _strangers = new("build clients", DateTimeOffset.UtcNow);
    private readonly TestAuthority _servers = new("builders", DateTimeOffset.UtcNow);
    private readonly CancellationTokenSource _stop = new();
    private readonly LineLog _log = new();
    private readonly LeaseGate _gate;
    private readonly SpoolShelf _shelf;
    private readonly BuildWitness _witness;
    private readonly MtlsListener _listener;
    private Task _serving = Task.CompletedTask;
    private int _dialled;

    public MtlsListenerTests()
    {
        _gate = new LeaseGate(_clock);
        _gate.TrustClients(_clients.Pem);
        _shelf = new SpoolShelf(Path.Combine(_folder.Path, "spool"), _clock, _log.CreateLogger<SpoolShelf>());
        _witness = new BuildWitness(_gate, _shelf, new BuildJournal(Path.Combine(_folder.Path, "builds")), _clock, _log.CreateLogger<BuildWitness>());
        AddLease("l1", LeaseName, "p1");
        AddLease("l2", OtherLeaseName, "p2");
        _gate.LetIn("b1", "l1", _clock.GetUtcNow().AddHours(1));
        _gate.LetIn("b2", "l2", _clock.GetUtcNow().AddHours(1));
        var options = new BuilderOptions { Server = new Uri("http://127.0.0.1"), DataDirectory = _folder.Path, Listen = "127.0.0.1:0", Clock = _clock };
        _listener = new MtlsListener(_gate, _witness, options, _log.CreateLogger<MtlsListener>());
    }

    public ValueTask InitializeAsync()
    {
        _serving = _listener.RunAsync(_stop.Token);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving.ContinueWith(_ => { }, TaskScheduler.Default);
        await _witness.DisposeAsync();
        _listener.Dispose();
        _shelf.Dispose();
        _gate.Dispose();
        _clients.Dispose();
        _strangers.Dispose();
        _servers.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_build_that_was_let_in_reaches_its_engine_over_TLS_1_3_and_h2()
    {
        await using var tls = await ShakeHandsAsync(Good());

        Assert.Equal((SslProtocols.Tls13, SslApplicationProtocol.Http2), (tls.SslProtocol, tls.NegotiatedApplicationProtocol));
        Assert.Equal("v0.32.0", await AskAsync(tls));
        Assert.Equal(0, _log.Lines.Count(line => line.Contains("turned away", StringComparison.Ordinal)));
    }

    private static readonly Dictionary<string, Func<MtlsListenerTests, X509Certificate2?>> Bad = new()
    {
        ["no certificate"] = _ => null,
        ["a certificate of another authority with the same name"] = t => t._strangers.Issue(Leaf),
        ["a self-signed certificate"] = t => t._clients.Issue(Leaf with { SelfSigned = true }),
        ["an expired certificate"] = t => t._clients.Issue(Leaf with { NotBefore = DateTimeOffset.UtcNow.AddHours(-3), NotAfter = DateTimeOffset.UtcNow.AddMinutes(-6) }),
        ["a certificate that is not valid yet"] = t => t._clients.Issue(Leaf with { NotBefore = DateTimeOffset.UtcNow.AddMinutes(10) }),
        ["a build that was not let in"] = t => t._clients.Issue(Leaf with { Uris = [TestAuthority.BuildUri(build: "b9")] }),
        ["a build of the other lease"] = t => t._clients.Issue(Leaf with { Uris = [TestAuthority.BuildUri("p2", "b2")] }),
        ["a builder's own certificate"] = t => t._servers.Issue(Leaf with { Purposes = [TestAuthority.ServerAuth] }),
        ["a finished build"] = t => { t._gate.Revoke("b1"); return t.Good(); },
    };

    public static TheoryData<string> BadClients => new(Bad.Keys);

    [Theory]
    [MemberData(nameof(BadClients))]
    public async Task A_client_without_the_right_certificate_reaches_no_engine(string which)
    {
        await MustBeTurnedAwayAsync(Bad[which](this), LeaseName);

        Assert.Equal(0, _dialled);
    }

    [Theory]
    [InlineData(OtherLeaseName)]
    [InlineData("lnone.builder.slipway")]
    [InlineData("127.0.0.1")]
    public async Task A_good_certificate_opens_its_own_leases_name_only(string name)
    {
        // SslStream sends no server name for an address, as RFC 6066 section 3 says.
        await MustBeTurnedAwayAsync(Good(), name);

        Assert.Equal(0, _dialled);
    }

    [Fact]
    public async Task Nothing_older_than_TLS_1_3_is_spoken()
    {
        await MustBeTurnedAwayAsync(Good(), LeaseName, SslProtocols.Tls12);

        Assert.Equal(0, _dialled);
    }

    [Fact]
    public async Task A_client_that_offers_no_h2_is_turned_away()
    {
        await MustBeTurnedAwayAsync(Good(), LeaseName, protocol: SslApplicationProtocol.Http11);

        Assert.Equal(0, _dialled);
    }

    [Fact]
    public async Task A_session_is_not_resumed_past_the_end_of_its_build()
    {
        await using (var first = await ShakeHandsAsync(Good()))
        {
            await AskAsync(first);
        }

        _gate.Revoke("b1");

        await MustBeTurnedAwayAsync(Good(), LeaseName);
    }

    [Fact]
    public async Task Handshakes_that_stall_are_ended_and_keep_nobody_out()
    {
        var silent = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => DialAsync()));
        var halfSaid = await DialAsync();
        await halfSaid.SendAsync(new byte[] { 0x16, 0x03, 0x01, 0x02 }, TestContext.Current.CancellationToken);
        await using var good = await ShakeHandsAsync(Good());
        Assert.Equal("v0.32.0", await AskAsync(good));

        foreach (var socket in silent.Append(halfSaid))
        {
            await MustBeClosedAsync(socket, advance: TimeSpan.FromSeconds(11));
            socket.Dispose();
        }
    }

    [Fact]
    public async Task A_flood_of_handshakes_that_never_end_does_not_starve_a_good_one()
    {
        var flood = new List<Socket>();
        for (var i = 0; i < 3 * MtlsListener.HandshakesMax; i++)
        {
            flood.Add(await DialAsync("127.0.0.2"));
        }

        for (var i = 0; i < 3; i++)
        {
            await using var good = await ShakeHandsAsync(Good());
            Assert.Equal("v0.32.0", await AskAsync(good));
        }

        // The clock stands still: whoever was cut was crowded out by the flood itself.
        await MustBeClosedAsync(flood[0], TimeSpan.Zero);
        flood.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task A_client_that_says_nothing_after_its_handshake_is_ended_and_slows_nobody()
    {
        await using var quiet = await ShakeHandsAsync(Good());
        await using var good = await ShakeHandsAsync(Good());
        Assert.Equal("v0.32.0", await AskAsync(good));

        var ends = quiet.ReadAsync(new byte[64 * 1024], TestContext.Current.CancellationToken).AsTask();
        while (!ends.IsCompleted)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(ends, Task.Delay(20, TestContext.Current.CancellationToken));
        }

        await using var another = await ShakeHandsAsync(Good());
        Assert.Equal("v0.32.0", await AskAsync(another));
    }

    [Fact]
    public async Task A_renewed_lease_certificate_is_served_to_the_next_client()
    {
        await using var before = await ShakeHandsAsync(Good());
        using var renewed = ServerCertificate(LeaseName);
        _gate.FindLease("l1")!.Certificate = renewed;

        await using var after = await ShakeHandsAsync(Good());

        Assert.Equal(renewed.Thumbprint, after.RemoteCertificate!.GetCertHashString());
        Assert.NotEqual(renewed.Thumbprint, before.RemoteCertificate!.GetCertHashString());
        Assert.Equal("v0.32.0", await AskAsync(before));
    }

    private static TestAuthority.Leaf Leaf => new(DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddHours(2));

    private X509Certificate2 Good() => _clients.Issue(Leaf);

    private async Task<Socket> DialAsync(string from = "127.0.0.1")
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
        await socket.ConnectAsync(_listener.Endpoint);
        return socket;
    }

    private async Task<SslStream> ShakeHandsAsync(
        X509Certificate2? certificate, string name = LeaseName, SslProtocols protocols = SslProtocols.None, SslApplicationProtocol? protocol = null)
    {
        var tls = new SslStream(new NetworkStream(await DialAsync(), ownsSocket: true));
        using var patience = new CancellationTokenSource(Patience);
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = name,
                EnabledSslProtocols = protocols,
                ApplicationProtocols = [protocol ?? SslApplicationProtocol.Http2],
                ClientCertificateContext = certificate is null ? null : SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true),
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
            },
            patience.Token);
        return tls;
    }

    /// <summary>In TLS 1.3 the client is done before the server has looked at its certificate: the refusal comes with the first read.</summary>
    private async Task MustBeTurnedAwayAsync(
        X509Certificate2? certificate, string name, SslProtocols protocols = SslProtocols.None, SslApplicationProtocol? protocol = null)
    {
        try
        {
            await using var tls = await ShakeHandsAsync(certificate, name, protocols, protocol);
            using var patience = new CancellationTokenSource(Patience);
            Assert.Equal(0, await tls.ReadAsync(new byte[1], patience.Token));
        }
        catch (Exception refused) when (refused is AuthenticationException or IOException)
        {
            // What a refusal looks like.
        }
    }

    private async Task MustBeClosedAsync(Socket socket, TimeSpan advance)
    {
        var reading = socket.ReceiveAsync(new byte[1], SocketFlags.None);
        using var patience = new CancellationTokenSource(Patience);
        while (!reading.IsCompleted)
        {
            _clock.Advance(advance);
            await Task.WhenAny(reading, Task.Delay(20, patience.Token));
            patience.Token.ThrowIfCancellationRequested();
        }

        Assert.Equal(0, await reading.ContinueWith(read => read.IsFaulted ? 0 : read.Result, TaskScheduler.Default));
    }

    private static async Task<string> AskAsync(SslStream tls)
    {
        using var patience = new CancellationTokenSource(Patience);
        await using var channel = GrpcChannel.Start(tls, "https", "builder", new Http2Options());
        return (await new ControlClient(channel).ListWorkersAsync(patience.Token)).Record.Single().BuildkitVersion.Version;
    }

    private X509Certificate2 ServerCertificate(string name) =>
        _servers.Issue(Leaf with { Purposes = [TestAuthority.ServerAuth], Uris = [], DnsNames = [name] });

    private void AddLease(string id, string name, string project)
    {
        var lease = new Lease
        {
            LeaseId = id,
            ServerName = name,
            ProjectId = project,
            Architecture = "amd64",
            Dial = DialEngineAsync,
            Watch = (_, _) => throw new IOException("no solve here"),
            EngineLost = () => CancellationToken.None,
        };
        lease.Certificate = ServerCertificate(name);
        _gate.AddLease(lease);
    }

    private async ValueTask<Stream> DialEngineAsync(CancellationToken cancellation)
    {
        Interlocked.Increment(ref _dialled);
        var (near, far) = await Proxying.RelayBed.SocketsAsync();
        var engine = new GrpcServer(new Dictionary<string, GrpcHandler>
        {
            ["/moby.buildkit.v1.Control/ListWorkers"] = async (call, stop) =>
            {
                await call.ReadMessageAsync(ListWorkersRequest.Parser, stop);
                var worker = new WorkerRecord { ID = "w", BuildkitVersion = new BuildkitVersion { Version = "v0.32.0" } };
                await call.WriteMessageAsync(new ListWorkersResponse { Record = { worker } }, stop);
            },
        });
        _ = engine.ServeAsync(far, new Http2Options(), _stop.Token);
        return near;
    }
}
