using System.Net;
using System.Net.Sockets;
using Slipway.Builder.Access;
using Slipway.Builder.Proxying;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Wire.Control;

namespace Slipway.Tests.Builder.Proxying;

/// <summary>A relay with a socket at each end.</summary>
internal sealed class RelayBed : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<Task<RelayEnd>> _relays = [];
    private readonly List<IDisposable> _sockets = [];

    public RelayBed()
    {
        Policy = new MethodPolicy(new EnginePolicy
        {
            ListWorkers = _ => ValueTask.FromResult(Workers),
            SolveStarted = (build, reference) => Note($"started {build.BuildId} {reference}"),
            SolveEnded = (build, reference, code, message) => Note($"ended {build.BuildId} {reference} {code} {message}".TrimEnd()),
        });
        Engines = new EngineScope(TimeProvider.System);
    }

    public List<string> Events { get; } = [];

    public EngineScope Engines { get; }

    public MethodPolicy Policy { get; }

    public ListWorkersResponse Workers { get; } = new()
    {
        Record =
        {
            new WorkerRecord
            {
                ID = "w1",
                Labels = { ["org.mobyproject.buildkit.worker.hostname"] = "secret-host", ["org.mobyproject.buildkit.worker.snapshotter"] = "overlayfs" },
                BuildkitVersion = new BuildkitVersion { Version = "v0.32.0" },
            },
        },
    };

    public static BuildAdmission Admission(string build = "build-a", CancellationToken revoked = default) => new()
    {
        BuildId = build,
        LeaseId = "lease",
        ProjectId = "project",
        Architecture = "amd64",
        ExpiresAt = DateTimeOffset.MaxValue,
        Revoked = revoked,
    };

    /// <summary>Two ends of a TCP connection.</summary>
    public static async Task<(NetworkStream Near, NetworkStream Far)> SocketsAsync()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var near = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await near.ConnectAsync(listener.LocalEndpoint);
        var far = await listener.AcceptSocketAsync();
        far.NoDelay = true;
        return (new NetworkStream(near, ownsSocket: true), new NetworkStream(far, ownsSocket: true));
    }

    /// <summary>Starts a relay; gives the client's end and the engine's end.</summary>
    public async Task<(FramePeer Client, FramePeer Engine, Task<RelayEnd> End)> ConnectAsync(BuildAdmission? admission = null)
    {
        var (engine, toEngine) = await SocketsAsync();
        var (client, end) = await ConnectAsync(toEngine, admission);
        return (new FramePeer(client), new FramePeer(engine), end);
    }

    public async Task<(Stream Client, Task<RelayEnd> End)> ConnectAsync(Stream toEngine, BuildAdmission? admission = null)
    {
        var (client, toClient) = await SocketsAsync();
        var relay = Task.Run(async () =>
        {
            await using var ownClient = toClient;
            await using var ownEngine = toEngine;
            return await EngineRelay.RunAsync(toClient, toEngine, Engines.Enter(admission ?? DefaultAdmission), Policy, _stopping.Token);
        });
        lock (_relays)
        {
            _relays.Add(relay);
            _sockets.Add(client);
        }

        return (client, relay);
    }

    public BuildAdmission DefaultAdmission { get; } = Admission();

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_relays);
        _sockets.ForEach(socket => socket.Dispose());
        _stopping.Dispose();
    }

    private void Note(string what)
    {
        lock (Events)
        {
            Events.Add(what);
        }
    }
}
