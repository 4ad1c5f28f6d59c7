using System.Net.Security;
using System.Security.Cryptography;
using Dapper;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Slipway.Builder;
using Slipway.Builder.ControlPlane;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Fleet;
using Slipway.Contract.Fleet.V1;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.Storage;
using Slipway.Tests.Builder;
using Slipway.Tests.Server.Support;
using Slipway.Tests.Support;
using Xunit;
using FakeBuilder = Slipway.Tests.Server.Support.FakeBuilder;
using FleetClient = Slipway.Contract.Fleet.V1.FleetService.FleetServiceClient;

namespace Slipway.Tests.Server;

/// <summary>How builders prove themselves: the real builder's side against the real server's.</summary>
public sealed class BuilderCertificateTests : IDisposable
{
    private const string AttachPath = "/slipway.fleet.v1.FleetService/Attach";
    private const string RenewPath = "/slipway.fleet.v1.FleetService/Renew";

    private readonly TemporaryFolder _folder = new();
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);
    private readonly LineLog _log = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_builder_joins_and_attaches_without_a_secret_on_the_wire(bool tls)
    {
        await using var server = await TestServer.StartAsync(_clock, tls: tls);
        using var builder = await JoinedAsync(server);

        await builder.AttachAsync();

        Assert.Equal(0, server.Service<Database>().Read(connection => connection.ExecuteScalar<long>("SELECT count(*) FROM tokens WHERE kind = 'builder'")));
        Assert.InRange(builder.Identity.EndsAt - _clock.GetUtcNow(), TimeSpan.FromHours(23.9), TimeSpan.FromHours(24));
    }

    [Fact]
    public async Task A_token_of_an_earlier_release_buys_a_certificate_and_dies_when_that_is_used()
    {
        await using var server = await TestServer.StartAsync(_clock);
        await using var old = await FakeBuilder.EnrollAsync(server);
        _folder.Write("builder.json", $$"""{"builderId":"{{old.Id}}","builderToken":"{{old.Token}}"}""");

        using (var interrupted = await StartedAsync(server))
        {
            Assert.Equal(old.Id, interrupted.Identity.BuilderId);
        }

        // Until the certificate has been used, the token stays: the builder might have died before it was on disk.
        await server.Fleet(old.Token).RenewAsync(new RenewRequest { Csr = FakeBuilder.NewCsr() });
        using var builder = await StartedAsync(server);
        await builder.AttachAsync();

        Assert.DoesNotContain(old.Token, File.ReadAllText(Path.Combine(_folder.Path, "builder.json")));
        await MustBeRefusedAsync(() => server.Fleet(old.Token).RenewAsync(new RenewRequest { Csr = FakeBuilder.NewCsr() }).ResponseAsync, "revoked");
    }

    [Fact]
    public async Task A_certificate_is_renewed_with_a_new_key_at_the_half_of_its_life_and_kept()
    {
        await using var server = await TestServer.StartAsync(_clock);
        using var builder = await JoinedAsync(server);
        var first = builder.Identity;
        using var stop = new CancellationTokenSource();
        var keeping = builder.Registration.KeepInForceAsync(stop.Token);

        // Up to there quickly; then slowly enough for a busy machine to answer meanwhile.
        _clock.Advance(TimeSpan.FromHours(11.5));
        await AdvanceUntilAsync(() => builder.Identity.Certificate.Thumbprint != first.Certificate.Thumbprint, TimeSpan.FromHours(1.5), pause: 300);

        Assert.InRange(_clock.GetUtcNow() - (first.EndsAt - TimeSpan.FromHours(24)), TimeSpan.FromHours(11), TimeSpan.FromHours(13));
        Assert.NotEqual(first.Certificate.GetPublicKey(), builder.Identity.Certificate.GetPublicKey());
        await builder.AttachAsync();
        await stop.CancelAsync();
        await keeping;
        using var again = await StartedAsync(server);
        Assert.Equal(builder.Identity.Certificate.Thumbprint, again.Identity.Certificate.Thumbprint);
    }

    [Fact]
    public async Task A_builder_that_was_off_past_its_certificates_end_gets_a_new_one_within_a_month_and_nothing_else_before()
    {
        await using var server = await TestServer.StartAsync(_clock);
        using (var builder = await JoinedAsync(server))
        {
            _clock.Advance(TimeSpan.FromDays(3));
            await MustBeRefusedAsync(builder.AttachAsync, "the builder's certificate ended at ");
        }

        using (var back = await StartedAsync(server))
        {
            await back.AttachAsync();
        }

        _clock.Advance(TimeSpan.FromDays(32));
        var gone = await Assert.ThrowsAsync<BuilderException>(() => StartedAsync(server));
        Assert.Contains("join again with a new join token", gone.Message);
        using var anew = await JoinedAsync(server);
        await anew.AttachAsync();
    }

    [Fact]
    public async Task A_removed_builders_certificate_is_worth_nothing_and_its_connection_ends()
    {
        await using var server = await TestServer.StartAsync(_clock);
        using var builder = await JoinedAsync(server);
        using var attached = await builder.AttachAsync();

        await server.Admin().RemoveBuilderAsync(new RemoveBuilderRequest { BuilderId = builder.Identity.BuilderId });

        await TestWait.UntilAsync(() => server.Service<Slipway.Server.Builders.Fleet>().Find(builder.Identity.BuilderId) is null);
        await MustBeRefusedAsync(builder.AttachAsync, "this builder was removed");
        await MustBeRefusedAsync(() => builder.RenewAsync(FakeBuilder.NewCsr()), "this builder was removed");
    }

    [Fact]
    public async Task A_builder_that_was_removed_in_the_data_folder_loses_its_connection_within_seconds()
    {
        await using var server = await TestServer.StartAsync(_clock);
        using var builder = await JoinedAsync(server);
        using var attached = await builder.AttachAsync();

        // As "slipway admin --data" does it, beside the server.
        var record = AuditEntry.By(Caller.AtTheDataFolder, "builder.remove", $"builder {builder.Identity.BuilderId}", 1);
        await server.Service<Slipway.Server.Builders.BuilderStore>().RemoveAsync(builder.Identity.BuilderId, record, default);

        await AdvanceUntilAsync(
            () => server.Service<Slipway.Server.Builders.Fleet>().Find(builder.Identity.BuilderId) is null, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(1));
    }

    [Theory]
    [InlineData(-3)]
    [InlineData(3)]
    public async Task A_builder_whose_clock_is_hours_off_goes_by_the_servers(int hours)
    {
        await using var server = await TestServer.StartAsync(_clock);
        var own = new FakeTimeProvider(_clock.GetUtcNow().AddHours(hours));
        using var builder = await JoinedAsync(server, own);
        await builder.AttachAsync();

        using var restarted = await StartedAsync(server, own);
        await restarted.AttachAsync();
        Assert.Equal(_clock.GetUtcNow(), restarted.Time, TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task A_proof_is_good_once_for_one_method_and_for_minutes()
    {
        await using var server = await TestServer.StartAsync(_clock);
        using var builder = await JoinedAsync(server);
        var csr = FakeBuilder.NewCsr();
        var proof = BuilderProof.Create(builder.Identity.Certificate, RenewPath, _clock.GetUtcNow(), csr.Span);
        await builder.RenewAsync(csr, proof);

        await MustBeRefusedAsync(() => builder.RenewAsync(csr, proof), "was used before");
        var ofAttach = BuilderProof.Create(builder.Identity.Certificate, AttachPath, _clock.GetUtcNow(), csr.Span);
        await MustBeRefusedAsync(() => builder.RenewAsync(csr, ofAttach), "is for another call");
        var old = BuilderProof.Create(builder.Identity.Certificate, RenewPath, _clock.GetUtcNow().AddMinutes(-3), csr.Span);
        await MustBeRefusedAsync(() => builder.RenewAsync(csr, old), "set its clock");
    }

    [Fact]
    public async Task A_proof_from_before_a_restart_is_worth_nothing_after_it()
    {
        await using var server = await TestServer.StartAsync(_clock);
        using var builder = await JoinedAsync(server);
        var csr = FakeBuilder.NewCsr();
        var proof = BuilderProof.Create(builder.Identity.Certificate, RenewPath, _clock.GetUtcNow(), csr.Span);
        await builder.RenewAsync(csr, proof);

        // What was used is not remembered over a restart: nothing from before it counts.
        _clock.Advance(TimeSpan.FromSeconds(3));
        await server.RestartAsync();

        await MustBeRefusedAsync(() => builder.RenewAsync(csr, proof), "set its clock");
        await builder.RenewAsync(csr, BuilderProof.Create(builder.Identity.Certificate, RenewPath, _clock.GetUtcNow(), csr.Span));
    }

    [Fact]
    public async Task A_certificate_request_that_was_changed_on_its_way_is_refused()
    {
        await using var server = await TestServer.StartAsync(_clock);
        using var builder = await JoinedAsync(server);
        var proof = BuilderProof.Create(builder.Identity.Certificate, RenewPath, _clock.GetUtcNow(), FakeBuilder.NewCsr().Span);

        var refused = await Assert.ThrowsAsync<RpcException>(() => builder.RenewAsync(FakeBuilder.NewCsr(), proof));

        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
    }

    [Fact]
    public async Task Nobody_elses_certificate_will_do_and_no_other_signature()
    {
        await using var server = await TestServer.StartAsync(_clock);
        using var builder = await JoinedAsync(server);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var own = new System.Security.Cryptography.X509Certificates.CertificateRequest($"CN={builder.Identity.BuilderId}", key, HashAlgorithmName.SHA256);
        using var selfSigned = own.CreateSelfSigned(_clock.GetUtcNow().AddDays(-1), _clock.GetUtcNow().AddDays(1));
        var csr = FakeBuilder.NewCsr();
        var good = BuilderProof.Create(builder.Identity.Certificate, RenewPath, _clock.GetUtcNow(), csr.Span).Split('.');
        var forged = BuilderProof.Create(selfSigned, RenewPath, _clock.GetUtcNow(), csr.Span).Split('.');

        foreach (var proof in new[] { string.Join('.', forged), $"{good[0]}.{forged[1]}.{forged[2]}", $"{good[0]}.{good[1]}.{forged[2]}", "junk", "a.b.c" })
        {
            await MustBeRefusedAsync(() => builder.RenewAsync(csr, proof), "is not of this server");
        }
    }

    /// <summary>Starts on the folder as it is, as a builder does that has joined before.</summary>
    private Task<RealBuilder> StartedAsync(TestServer server, TimeProvider? clock = null) =>
        RealBuilder.StartAsync(new BuilderOptions { Server = server.Url, DataDirectory = _folder.Path, Clock = clock ?? _clock }, _log);

    private async Task<RealBuilder> JoinedAsync(TestServer server, TimeProvider? clock = null)
    {
        var join = await server.Admin().CreateJoinTokenAsync(new CreateJoinTokenRequest());
        return await RealBuilder.StartAsync(
            new BuilderOptions { Server = server.Url, DataDirectory = _folder.Path, JoinToken = join.Token, Clock = clock ?? _clock }, _log);
    }

    private async Task AdvanceUntilAsync(Func<bool> done, TimeSpan most, TimeSpan? step = null, int pause = 20)
    {
        for (var passed = TimeSpan.Zero; !done(); passed += step ?? TimeSpan.FromMinutes(10))
        {
            Assert.True(passed < most, $"not within {most}: {_log}");
            _clock.Advance(step ?? TimeSpan.FromMinutes(10));
            await Task.Delay(pause, TestContext.Current.CancellationToken);
        }
    }

    private static async Task MustBeRefusedAsync<T>(Func<Task<T>> call, string words)
    {
        var refused = await Assert.ThrowsAsync<RpcException>(call);
        Assert.Equal(StatusCode.Unauthenticated, refused.StatusCode);
        Assert.Contains(words, refused.Status.Detail);
    }

    /// <summary>What of a builder speaks to the server before anything is built.</summary>
    private sealed class RealBuilder : IDisposable
    {
        private readonly GrpcChannel _channel;
        private readonly ProvingHandler _proving;
        private readonly TimeProvider _clock;
        private readonly FleetClient _fleet;

        private RealBuilder(BuilderOptions options, LineLog log)
        {
            _clock = options.Clock;
            _proving = new ProvingHandler(options.Clock, Sockets);
            _channel = GrpcChannel.ForAddress(options.Server, new GrpcChannelOptions { HttpHandler = _proving, DisposeHttpClient = true });
            _fleet = new FleetClient(_channel);
            Registration = new Registration(options, _fleet, _proving, log.CreateLogger<Registration>());
        }

        public Registration Registration { get; }

        public BuilderIdentity Identity => _proving.Identity!;

        /// <summary>What it judges builds' certificates by.</summary>
        public DateTimeOffset Time => new ServerClock(_proving, _clock).GetUtcNow();

        public static async Task<RealBuilder> StartAsync(BuilderOptions options, LineLog log)
        {
            var builder = new RealBuilder(options, log);
            await builder.Registration.GetAsync(TestContext.Current.CancellationToken);
            return builder;
        }

        /// <summary>The server has welcomed it when this ends.</summary>
        public async Task<AsyncDuplexStreamingCall<BuilderMessage, ServerMessage>> AttachAsync()
        {
            var call = _fleet.Attach();
            try
            {
                await call.RequestStream.WriteAsync(new BuilderMessage
                {
                    Hello = new Hello { BuilderId = Identity.BuilderId, AdvertisedAddress = "127.0.0.1:7777", Architectures = { "amd64" } },
                });
            }
            catch (Exception ended) when (ended is InvalidOperationException or RpcException { StatusCode: StatusCode.Cancelled })
            {
                // The server has ended the call already; reading says why.
            }

            Assert.True(await call.ResponseStream.MoveNext(default));
            return call;
        }

        public async Task<RenewResponse> RenewAsync(ByteString csr, string? proof = null)
        {
            var made = proof ?? BuilderProof.Create(Identity.Certificate, RenewPath, _proving.Now, csr.Span);
            return await _fleet.RenewAsync(new RenewRequest { Csr = csr }, new Metadata { { BuilderProof.Header, made } });
        }

        public void Dispose() => _channel.Dispose();

        private static SocketsHttpHandler Sockets() =>
            new() { SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, _, _, _) => true } };
    }
}
