using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Slipway.Builder;
using Slipway.Builder.Access;
using Slipway.Builder.ControlPlane;
using Slipway.Builder.Engine;
using Slipway.Builder.Records;
using Slipway.Contract.Fleet.V1;

namespace Slipway.Tests.Builder;

/// <summary>A whole builder but for its listener: the test plays the proxy.</summary>
internal sealed class TestBuilder : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly GrpcChannel _channel;
    private readonly EngineHouse _engines;
    private readonly BuildJournal _journal;
    private readonly List<Task> _loops = [];

    private TestBuilder(Uri server, string data, FakeBuildKit engine)
    {
        var facts = new EngineFacts("1.2.3", [MachineArchitecture.Name]);
        Options = new BuilderOptions { Server = server, DataDirectory = data, JoinToken = FakeFleet.JoinToken, EngineIdle = TimeSpan.FromMilliseconds(200) };
        Identity = FakeFleet.Identity();
        _channel = GrpcChannel.ForAddress(server, new GrpcChannelOptions
        {
            HttpHandler = new ProvingHandler(TimeProvider.System, () => new SocketsHttpHandler()) { Identity = Identity },
            DisposeHttpClient = true,
        });
        Fleet = new FleetService.FleetServiceClient(_channel);
        _engines = new EngineHouse(engine, Options, Log);
        Shelf = new SpoolShelf(Path.Combine(data, "spool"), TimeProvider.System, Log.CreateLogger<SpoolShelf>());
        _journal = new BuildJournal(Path.Combine(data, "builds"));
        Shelf.Recover();
        _journal.Recover(TimeProvider.System.GetUtcNow(), Shelf.LastSequenceOf);
        Gate = new LeaseGate(TimeProvider.System);
        Witness = new BuildWitness(Gate, Shelf, _journal, QuietClock, Log.CreateLogger<BuildWitness>());
        Leases = new LeaseBook(Options, facts, _engines, Gate, Witness, _journal, Log.CreateLogger<LeaseBook>());
        Link = new FleetLink(Options, Identity, Fleet, () => Introduce(engine, facts), Leases, Gate, Log.CreateLogger<FleetLink>());
        Leases.Post = Link.Post;
        Witness.Connected = build =>
            Link.Post(new BuilderMessage { BuildConnected = new BuildConnected { BuildId = build.BuildId, LeaseId = build.LeaseId } });
        Witness.Ended = ended => Link.Post(new BuilderMessage { BuildEnded = ended });
        Reporter = new Reporter(Options, Fleet, Shelf, Log.CreateLogger<Reporter>());
    }

    public LineLog Log { get; } = new();

    public BuilderOptions Options { get; }

    public FleetService.FleetServiceClient Fleet { get; }

    public BuilderIdentity Identity { get; }

    public LeaseGate Gate { get; }

    public LeaseBook Leases { get; }

    public FleetLink Link { get; }

    public Reporter Reporter { get; }

    public SpoolShelf Shelf { get; }

    public BuildWitness Witness { get; }

    /// <summary>The witness's clock: a build is over 5 s of it after its last connection.</summary>
    public FakeTimeProvider QuietClock { get; } = new(DateTimeOffset.UtcNow);

    public static TestBuilder Start(Uri server, string data, FakeBuildKit engine)
    {
        var builder = new TestBuilder(server, data, engine);
        builder._loops.Add(builder.Shelf.RunAsync(builder._stop.Token));
        builder._loops.Add(builder.Link.RunAsync(builder._stop.Token));
        builder._loops.Add(builder.Reporter.RunAsync(builder._stop.Token));
        return builder;
    }

    /// <summary>Everything just stops, as after kill -9: no end of a build is written down.</summary>
    public async Task KillAsync()
    {
        await StopLoopsAsync();
        await _engines.DisposeAsync();
        _channel.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        await Witness.DisposeAsync();
        await StopLoopsAsync();
        await Leases.DisposeAsync();
        await _engines.DisposeAsync();
        Shelf.Dispose();
        Gate.Dispose();
        _channel.Dispose();
    }

    private async Task StopLoopsAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_loops);
    }

    private Hello Introduce(FakeBuildKit engine, EngineFacts facts)
    {
        var hello = FleetLink.Introduce(Identity, engine, facts, "127.0.0.1:8443");
        hello.Engines.Add(Leases.Engines);
        hello.Builds.Add(Witness.Running.Select(build => new RunningBuild { BuildId = build.BuildId, LeaseId = build.LeaseId }));
        return hello;
    }
}
