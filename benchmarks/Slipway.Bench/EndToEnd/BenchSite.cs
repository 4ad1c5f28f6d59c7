using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Depot.Cli;
using Depot.Cli.Rendering;
using Depot.Cli.Settings;
using Slipway.Bench.Reporting;
using Slipway.Builder.Engine;

namespace Slipway.Bench.EndToEnd;

/// <summary>`slipway up` with its engine, and a way to reach that same engine with buildx: both sides measure on one BuildKit.</summary>
internal sealed class BenchSite : IAsyncDisposable
{
    /// <summary>Draining waits for nothing here; a stop that takes longer hangs.</summary>
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan ReadyLimit = TimeSpan.FromMinutes(2);

    private readonly Process _slipway;
    private readonly Task<string> _chatter;
    private readonly CancellationToken _cancellation;
    private RemoteBuildx? _remote;

    private BenchSite(Process slipway, ScratchFolder folder, string root, CancellationToken cancellation)
    {
        (_slipway, Folder, Root, _cancellation) = (slipway, folder, root, cancellation);
        _chatter = slipway.StandardError.ReadToEndAsync(CancellationToken.None);
    }

    public ScratchFolder Folder { get; }

    public string Root { get; }

    public string Data => Folder["data"];

    /// <summary>The client's own code in this process, with this site's server.</summary>
    public CliContext Cli => field ??= new CliContext
    {
        Settings = new CliSettings(name => DepotEnvironment.GetValueOrDefault(name)),
        WorkingFolder = Folder.Path,
        Terminal = new Terminal { In = Stream.Null, Out = Stream.Null, Err = Stream.Null },
    };

    /// <summary>buildx by every way to the same engine, the one that our client takes first.</summary>
    public IReadOnlyList<Peer> Peers { get; private set; } = [];

    public string ProjectId => DepotEnvironment["DEPOT_PROJECT_ID"];

    /// <summary>Where the engine itself listens.</summary>
    public string EngineSocket { get; private set; } = "";

    /// <summary>It is a Docker daemon, whose BuildKit has to be asked for first.</summary>
    public bool EngineIsDockerd { get; private set; }

    public Dictionary<string, string> DepotEnvironment { get; } = [];

    public Dictionary<string, string> BuildxEnvironment { get; } = [];

    public static Task<BenchSite> StartAsync(string root, Report report, CancellationToken cancellation) =>
        StartAsync(root, report, ["--builder-listen", $"127.0.0.1:{FreePort()}"], cancellation);

    public static async Task<BenchSite> StartAsync(string root, Report report, string[] options, CancellationToken cancellation)
    {
        var folder = ScratchFolder.Create();
        report.Say($"starting slipway and its engine in {folder.Path}");
        var start = new ProcessStartInfo(Path.Combine(root, "out/bin/slipway")) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["up", "--data", folder["data"], "--listen", $"127.0.0.1:{FreePort()}", .. options])
        {
            start.ArgumentList.Add(argument);
        }

        var site = new BenchSite(Process.Start(start)!, folder, root, cancellation);
        try
        {
            await site.WaitUntilReadyAsync();
            site.ReadCredentials();
            await site.WarmAsync();
            await site.OpenPeersAsync(report);
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    /// <summary>Our client's build.</summary>
    public Task<Cost> DepotAsync(params string[] arguments) =>
        Measured.RunAsync(new Command(Path.Combine(Root, "out/bin/depot"), ["build", "--progress=plain", .. arguments], DepotEnvironment), _cancellation);

    /// <summary>The targets of a definition, by our client.</summary>
    public Task<Cost> DepotBakeAsync(params string[] arguments) =>
        Measured.RunAsync(new Command(Path.Combine(Root, "out/bin/depot"), ["bake", "--progress=plain", .. arguments], DepotEnvironment), _cancellation);

    /// <summary>Forgets the contexts that the engine holds copies of; the cached steps stay. Cold rounds would fill the memory otherwise.</summary>
    public Task ForgetContextsAsync() =>
        Measured.RunPlainlyAsync(new Command("docker", ["buildx", "prune", "--force", "--filter", "type=source.local"], BuildxEnvironment), _cancellation);

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (_remote is not null)
            {
                await _remote.DisposeAsync();
            }

            await StopAsync();
        }
        finally
        {
            _slipway.Dispose();
            Folder.Dispose();
        }
    }

    private async Task WaitUntilReadyAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_cancellation);
        limit.CancelAfter(ReadyLimit);
        while (await _slipway.StandardOutput.ReadLineAsync(limit.Token) is { } line)
        {
            if (line.StartsWith("slipway is ready at ", StringComparison.Ordinal))
            {
                return;
            }
        }

        throw new InvalidOperationException($"slipway up ended before it was ready: {(await _chatter).Trim()}");
    }

    /// <summary>The first request to stop lets engines end by themselves, the second does not; a third is not answered any more.</summary>
    private async Task StopAsync()
    {
        foreach (var attempt in (int[])[1, 2])
        {
            _ = Libc.Kill(_slipway.Id, Libc.SigTerm);
            try
            {
                await _slipway.WaitForExitAsync(CancellationToken.None).WaitAsync(StopLimit, CancellationToken.None);
                return;
            }
            catch (TimeoutException)
            {
            }
        }

        _slipway.Kill(entireProcessTree: true);
    }

    private void ReadCredentials()
    {
        using var credentials = JsonDocument.Parse(File.ReadAllText(Path.Combine(Data, "credentials.json")));
        DepotEnvironment["DEPOT_API_URL"] = credentials.RootElement.GetProperty("apiUrl").GetString()!;
        DepotEnvironment["DEPOT_TOKEN"] = credentials.RootElement.GetProperty("token").GetString()!;
        DepotEnvironment["DEPOT_PROJECT_ID"] = credentials.RootElement.GetProperty("projectId").GetString()!;
        DepotEnvironment["DOCKER_CONFIG"] = BuildxEnvironment["DOCKER_CONFIG"] = Folder["docker-config"];
    }

    /// <summary>One build, so that the engine runs; then buildx is pointed at that engine.</summary>
    private async Task WarmAsync()
    {
        var context = Folder.Folder("warm");
        await File.WriteAllTextAsync(Path.Combine(context, "Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n", _cancellation);
        await DepotAsync(context);
        var engine = EngineFolder.Enumerate(Folder["data/builder"]).Single();
        if (ProcessTable.FindEngine(engine).Count == 0)
        {
            throw new InvalidOperationException($"no engine runs on {engine.Root} after a build");
        }

        EngineSocket = engine.Socket;
        if (ShortCommand.Find("buildkitd", Environment.GetEnvironmentVariable("PATH") ?? "") is not null)
        {
            await Measured.RunPlainlyAsync(
                new Command("docker", ["buildx", "create", "--name", "bench", "--driver", "remote", "--use", $"unix://{engine.Socket}"], BuildxEnvironment), _cancellation);
            return;
        }

        EngineIsDockerd = true;
        BuildxEnvironment["DOCKER_HOST"] = $"unix://{engine.Socket}";
    }

    private async Task OpenPeersAsync(Report report)
    {
        var local = BuildxBy("engine's socket", []);
        Peers = [local];
        try
        {
            _remote = await RemoteBuildx.OpenAsync(Cli, ProjectId, Folder, BuildxEnvironment, _cancellation);
            var remote = BuildxBy("remote driver", RemoteBuildx.Flags);
            await remote.Build(["-o", "type=cacheonly", Folder["warm"]]);
            Peers = [remote, local];
        }
        catch (Exception e) when (!_cancellation.IsCancellationRequested)
        {
            report.Gap("buildx's remote driver", $"builds are judged beside buildx on the engine's socket, without TLS: {e.Message}");
        }
    }

    private Peer BuildxBy(string way, IReadOnlyList<string> flags)
    {
        Func<string[], Task<Cost>> Running(string verb) => arguments =>
            Measured.RunAsync(new Command("docker", ["buildx", verb, "--progress=plain", .. flags, .. arguments], BuildxEnvironment), _cancellation);
        return new Peer($"buildx, {way}", Running("build"), Running("bake"));
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
