using System.Net;
using System.Net.Sockets;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using Slipway.Builder.Access;
using Slipway.Builder.ControlPlane;
using Slipway.Builder.Engine;
using Slipway.Builder.Listening;
using Slipway.Builder.Records;
using Slipway.Contract.Fleet.V1;

namespace Slipway.Builder;

/// <summary>A builder, from its options to its end.</summary>
public static class BuilderHost
{
    /// <summary>Runs a builder until <paramref name="drain"/> fires (no new engines, running builds finish) and at most until
    /// <paramref name="halt"/> does (everything ends now).</summary>
    /// <exception cref="BuilderException">It cannot run; the message is for the operator.</exception>
    public static async Task RunAsync(BuilderOptions options, ILoggerFactory logs, CancellationToken drain, CancellationToken halt)
    {
        if (options.Validate() is { Count: > 0 } problems)
        {
            throw new BuilderException(string.Join(Environment.NewLine, problems));
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(drain, halt);
        using var folder = OpenDataFolder(options);
        var log = logs.CreateLogger("Slipway.Builder");
        try
        {
            var program = EngineSearch.Find(options, logs.CreateLogger("Slipway.Builder.Engine"));
            var facts = (await program.CheckAsync(stop.Token)).For(options.Architecture);
            log.LogInformation("engine: {Kind} {Version} for {Architectures}", program.Kind, facts.Version, string.Join(", ", facts.Architectures));
            await RunAsync(options, program, facts, logs, drain, halt);
        }
        catch (EngineException e)
        {
            throw new BuilderException(e.Message, e);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Told to stop before it had begun.
        }
    }

    private static async Task RunAsync(
        BuilderOptions options, IEngineProgram program, EngineFacts facts, ILoggerFactory logs, CancellationToken drain, CancellationToken halt)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(drain, halt);
        var proving = new ProvingHandler(options.Clock, Sockets);
        using var channel = GrpcChannel.ForAddress(options.Server, new GrpcChannelOptions { DisposeHttpClient = true, HttpHandler = proving });
        var fleet = new FleetService.FleetServiceClient(channel);
        await using var engines = new EngineHouse(program, options, logs.CreateLogger("Slipway.Builder.Engine"));
        await engines.CleanUpAsync(stop.Token);

        using var shelf = new SpoolShelf(Path.Combine(options.DataDirectory, "spool"), options.Clock, logs.CreateLogger<SpoolShelf>());
        var journal = new BuildJournal(Path.Combine(options.DataDirectory, "builds"));
        shelf.Recover();
        journal.Recover(options.Clock.GetUtcNow(), shelf.LastSequenceOf);
        var registration = new Registration(options, fleet, proving, logs.CreateLogger<Registration>());
        var identity = await registration.GetAsync(stop.Token);

        using var gate = new LeaseGate(new ServerClock(proving, options.Clock));
        await using var witness = new BuildWitness(gate, shelf, journal, options.Clock, logs.CreateLogger<BuildWitness>());
        await using var leases = new LeaseBook(options, facts, engines, gate, witness, journal, logs.CreateLogger<LeaseBook>());
        using var listener = new MtlsListener(gate, witness, options, logs.CreateLogger<MtlsListener>());
        var advertised = await AdvertisedAddressAsync(options, listener.Endpoint, stop.Token);
        Hello Introduce()
        {
            var hello = FleetLink.Introduce(identity, program, facts, advertised);
            hello.Engines.Add(leases.Engines);
            hello.Builds.Add(witness.Running.Select(build => new RunningBuild { BuildId = build.BuildId, LeaseId = build.LeaseId }));
            hello.Caches.Add(engines.Caches.Select(cache => new CacheHeld { ProjectId = cache.ProjectId, Architecture = cache.Architecture }));
            return hello;
        }

        var link = new FleetLink(options, identity, fleet, Introduce, leases, gate, logs.CreateLogger<FleetLink>());
        leases.Post = link.Post;
        witness.Connected = build =>
            link.Post(new BuilderMessage { BuildConnected = new BuildConnected { BuildId = build.BuildId, LeaseId = build.LeaseId } });
        witness.Ended = ended => link.Post(new BuilderMessage { BuildEnded = ended });
        var reporter = new Reporter(options, fleet, shelf, logs.CreateLogger<Reporter>());
        using var serving = new CancellationTokenSource();
        var keeping = registration.KeepInForceAsync(serving.Token);
        try
        {
            await new BuilderRun(options, listener, link, reporter, shelf, leases, witness, gate, logs.CreateLogger("Slipway.Builder")).RunAsync(drain, halt);
        }
        finally
        {
            await serving.CancelAsync();
            await keeping;
        }
    }

    private static FileStream OpenDataFolder(BuilderOptions options)
    {
        try
        {
            Directory.CreateDirectory(options.DataDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            // FileShare.None is flock(2): it ends with the process, however that ends.
            return new FileStream(Path.Combine(options.DataDirectory, "builder.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new BuilderException($"the data folder {options.DataDirectory} cannot be written: {e.Message}", e);
        }
        catch (IOException e)
        {
            throw new BuilderException($"the data folder {options.DataDirectory} cannot be used, or another builder uses it: {e.Message}", e);
        }
    }

    private static SocketsHttpHandler Sockets() => new()
    {
        ConnectTimeout = TimeSpan.FromSeconds(10),
        // A connection that a firewall forgot is noticed although nothing is sent on it.
        KeepAlivePingDelay = TimeSpan.FromSeconds(15),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
        EnableMultipleHttp2Connections = true,
        PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
    };

    /// <summary>What was configured; else the address listened on; else the one that this machine reaches the server from.</summary>
    private static async Task<string> AdvertisedAddressAsync(BuilderOptions options, IPEndPoint listening, CancellationToken cancellation)
    {
        if (options.Advertise is { } advertise)
        {
            return advertise;
        }

        if (!listening.Address.Equals(IPAddress.Any) && !listening.Address.Equals(IPAddress.IPv6Any))
        {
            return listening.ToString();
        }

        // Connecting a datagram socket sends nothing; it only asks the routing table.
        using var probe = new Socket(SocketType.Dgram, ProtocolType.Udp);
        try
        {
            await probe.ConnectAsync(options.Server.DnsSafeHost, options.Server.Port, cancellation);
        }
        catch (SocketException e)
        {
            throw new BuilderException($"no way to {options.Server.Host} is known ({e.Message}); give the address that clients use with --advertise", e);
        }

        var own = ((IPEndPoint)probe.LocalEndPoint!).Address;
        return new IPEndPoint(own.IsIPv4MappedToIPv6 ? own.MapToIPv4() : own, listening.Port).ToString();
    }
}
