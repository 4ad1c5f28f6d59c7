using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Google.Protobuf;
using Grpc.Core;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Fleet.V1;
using Slipway.Contract.Tokens;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;
using CertificateRequest = Slipway.Contract.Fleet.V1.CertificateRequest;
using X509Request = System.Security.Cryptography.X509Certificates.CertificateRequest;
using Xunit;

namespace Slipway.Tests.Server.Support;

/// <summary>A builder without an engine that speaks the fleet's real protocol over a real connection. It proves itself with a token, as those
/// of earlier releases do until they have a certificate.</summary>
internal sealed class FakeBuilder : IAsyncDisposable
{
    private readonly TestServer _server;
    private readonly string _id;
    private readonly string[] _architectures;
    private readonly Channel<ServerMessage> _heard = Channel.CreateUnbounded<ServerMessage>();
    private AsyncDuplexStreamingCall<BuilderMessage, ServerMessage>? _call;
    private Task _reading = Task.CompletedTask;
    private readonly SemaphoreSlim _writing = new(1);

    private FakeBuilder(TestServer server, string id, string token, string[] architectures)
    {
        _server = server;
        _id = id;
        Token = token;
        _architectures = architectures;
    }

    public string Id => _id;

    public string Token { get; }

    /// <summary>Leases that were started here: project and architecture by id.</summary>
    public ConcurrentDictionary<string, StartEngine> Engines { get; } = new();

    public ConcurrentDictionary<string, string> Chains { get; } = new();

    public ConcurrentQueue<ServerMessage> All { get; } = new();

    /// <summary>What engines say when they are to start: null starts them.</summary>
    public Func<StartEngine, string?> FailsToStart { get; set; } = _ => null;

    /// <summary>Whether StartEngine is answered at all.</summary>
    public bool AnswersStart { get; set; } = true;

    public bool AnswersAdmit { get; set; } = true;

    public List<CacheHeld> Caches { get; } = [];

    /// <summary>What the machine says that it emulates.</summary>
    public List<string> Emulated { get; } = [];

    /// <summary>What an engine says that it builds for; empty as from a builder that does not tell.</summary>
    public List<string> EngineBuilds { get; } = [];

    public string ClientAuthority { get; private set; } = "";

    /// <summary>A certificate request that will do.</summary>
    public static ByteString NewCsr()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return ByteString.CopyFrom(new X509Request("CN=whatever it likes", key, HashAlgorithmName.SHA256).CreateSigningRequest());
    }

    public static async Task<FakeBuilder> EnrollAsync(TestServer server, string name = "fake", params string[] architectures)
    {
        var join = await server.Admin().CreateJoinTokenAsync(new CreateJoinTokenRequest());
        var enrolled = await server.Fleet(join.Token).EnrollAsync(new EnrollRequest { Name = name, Csr = NewCsr() });
        var token = TokenText.Create(TokenKind.Builder);
        var record = new TokenRecord
        {
            Id = Ids.Token(),
            Kind = TokenKind.Builder.Name(),
            Name = name,
            BuilderId = enrolled.BuilderId,
            CreatedAt = server.Options.Clock.GetUtcNow().ToUnixTimeMilliseconds(),
        };
        await server.Service<TokenStore>().AddAsync(record, TokenText.Hash(token), AuditEntry.By(Caller.AtTheDataFolder, "token.create", record.Id, record.CreatedAt), default);
        return new FakeBuilder(server, enrolled.BuilderId, token, architectures.Length > 0 ? architectures : ["amd64"]);
    }

    public static async Task<FakeBuilder> AttachedAsync(TestServer server, string name = "fake", params string[] architectures)
    {
        var builder = await EnrollAsync(server, name, architectures);
        await builder.AttachAsync();
        return builder;
    }

    public async Task AttachAsync(params RunningBuild[] builds)
    {
        _call = _server.Fleet(Token).Attach();
        var hello = new Hello
        {
            BuilderId = _id,
            Version = "1",
            EngineKind = "fake",
            EngineVersion = "1",
            AdvertisedAddress = "127.0.0.1:7777",
            Architectures = { _architectures },
            Builds = { builds },
            Caches = { Caches },
            EmulatedArchitectures = { Emulated },
        };
        hello.Engines.AddRange(Engines.Values.Select(engine => new RunningEngine
        {
            LeaseId = engine.LeaseId,
            ProjectId = engine.ProjectId,
            Architecture = engine.Architecture,
        }));
        await _call.RequestStream.WriteAsync(new BuilderMessage { Hello = hello });
        Assert.True(await _call.ResponseStream.MoveNext(default));
        ClientAuthority = _call.ResponseStream.Current.Welcome.BuildClientCa;
        _reading = ReadAsync(_call);
        await TestWait.UntilAsync(() => _server.Service<Slipway.Server.Builders.Fleet>().Find(_id) is not null);
    }

    public async Task SendAsync(BuilderMessage message)
    {
        await _writing.WaitAsync();
        try
        {
            await _call!.RequestStream.WriteAsync(message);
        }
        finally
        {
            _writing.Release();
        }
    }

    public Task ConnectedAsync(string build, string lease) =>
        SendAsync(new BuilderMessage { BuildConnected = new BuildConnected { BuildId = build, LeaseId = lease } });

    /// <summary>A sign of life that has arrived when the task ends: the end of a build that nobody knows is acknowledged too.</summary>
    public Task BeatAsync() => EndedAsync("bnobody", "enobody", BuildEnded.Types.Outcome.Success);

    /// <summary>Reports a build's end and waits for the acknowledgement.</summary>
    public async Task EndedAsync(string build, string lease, BuildEnded.Types.Outcome outcome, string error = "")
    {
        await SendAsync(new BuilderMessage { BuildEnded = new BuildEnded { BuildId = build, LeaseId = lease, Outcome = outcome, Error = error } });
        await HearAsync(message => message.BuildEndedAck?.BuildId == build);
    }

    /// <summary>The next message of this kind; earlier ones are passed over.</summary>
    public async Task<ServerMessage> HearAsync(Func<ServerMessage, bool> wanted)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (true)
        {
            var message = await _heard.Reader.ReadAsync(patience.Token);
            if (wanted(message))
            {
                return message;
            }
        }
    }

    /// <summary>Goes without a word, as a machine that loses its network.</summary>
    public async Task VanishAsync()
    {
        _call?.Dispose();
        await _reading;
        await TestWait.UntilAsync(() => _server.Service<Slipway.Server.Builders.Fleet>().Find(_id) is null);
    }

    public async ValueTask DisposeAsync()
    {
        _call?.Dispose();
        await _reading;
        _writing.Dispose();
    }

    private async Task ReadAsync(AsyncDuplexStreamingCall<BuilderMessage, ServerMessage> call)
    {
        try
        {
            while (await call.ResponseStream.MoveNext(default))
            {
                var message = call.ResponseStream.Current;
                All.Enqueue(message);
                await ReactAsync(message);
                _heard.Writer.TryWrite(message);
            }
        }
        catch (Exception gone) when (gone is RpcException or ObjectDisposedException)
        {
            // The server went, or this builder did, perhaps between two messages.
        }
    }

    private async Task ReactAsync(ServerMessage message)
    {
        switch (message.MessageCase)
        {
            case ServerMessage.MessageOneofCase.StartEngine when AnswersStart:
                await StartAsync(message.StartEngine);
                break;
            case ServerMessage.MessageOneofCase.Certificate:
                Chains[message.Certificate.LeaseId] = message.Certificate.Chain;
                break;
            case ServerMessage.MessageOneofCase.AdmitBuild when AnswersAdmit:
                await SendAsync(new BuilderMessage
                {
                    BuildAdmitted = new BuildAdmitted { BuildId = message.AdmitBuild.BuildId, LeaseId = message.AdmitBuild.LeaseId },
                });
                break;
            case ServerMessage.MessageOneofCase.ResetCache:
                await SendAsync(new BuilderMessage { CacheReset = new CacheReset { ProjectId = message.ResetCache.ProjectId } });
                break;
        }
    }

    private async Task StartAsync(StartEngine start)
    {
        if (FailsToStart(start) is { } error)
        {
            await SendAsync(new BuilderMessage { EngineFailed = new EngineFailed { LeaseId = start.LeaseId, Error = error } });
            return;
        }

        Engines[start.LeaseId] = start;
        await SendAsync(new BuilderMessage
        {
            CertificateRequest = new CertificateRequest { LeaseId = start.LeaseId, Csr = NewCsr() },
        });
        await SendAsync(new BuilderMessage { EngineReady = new EngineReady { LeaseId = start.LeaseId, Architectures = { EngineBuilds } } });
    }
}
