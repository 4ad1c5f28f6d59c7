using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Slipway.Bench.EndToEnd;

/// <summary>`slipway up` with its engine, and a way to reach that same engine with buildx: both sides measure on one BuildKit.</summary>
internal sealed class BenchSite : IAsyncDisposable
{
    private readonly Process _slipway;

    private BenchSite(Process slipway, string folder, string root)
    {
        _slipway = slipway;
        Folder = folder;
        Root = root;
    }

    public string Folder { get; }

    public string Root { get; }

    public string Depot => Path.Combine(Root, "out/bin/depot");

    public Dictionary<string, string> DepotEnvironment { get; } = [];

    public Dictionary<string, string> BuildxEnvironment { get; } = [];

    public static async Task<BenchSite> StartAsync(string root)
    {
        var folder = Directory.CreateTempSubdirectory("slipway-bench-").FullName;
        var start = new ProcessStartInfo(Path.Combine(root, "out/bin/slipway")) { RedirectStandardOutput = true };
        foreach (var argument in (string[])["up", "--data", Path.Combine(folder, "data"), "--listen", $"127.0.0.1:{FreePort()}", "--builder-listen", $"127.0.0.1:{FreePort()}"])
        {
            start.ArgumentList.Add(argument);
        }

        var site = new BenchSite(Process.Start(start)!, folder, root);
        while (await site._slipway.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.StartsWith("slipway is ready at ", StringComparison.Ordinal))
            {
                site.ReadCredentials();
                await site.WarmAsync();
                return site;
            }
        }

        throw new InvalidOperationException("slipway up ended before it was ready; its words are above.");
    }

    /// <summary>A folder on tmpfs: on a slow disk all one measures is the disk.</summary>
    public string ContextFolder(string name)
    {
        var path = Path.Combine("/dev/shm", Path.GetFileName(Folder), name);
        Directory.CreateDirectory(path);
        return path;
    }

    public async ValueTask DisposeAsync()
    {
        using (var kill = Process.Start("kill", ["-TERM", _slipway.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
        {
            await kill.WaitForExitAsync();
        }

        await _slipway.WaitForExitAsync();
        _slipway.Dispose();
        var shared = Path.Combine("/dev/shm", Path.GetFileName(Folder));
        if (Directory.Exists(shared))
        {
            Directory.Delete(shared, recursive: true);
        }

        Directory.Delete(Folder, recursive: true);
    }

    private void ReadCredentials()
    {
        using var credentials = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "data/credentials.json")));
        DepotEnvironment["DEPOT_API_URL"] = credentials.RootElement.GetProperty("apiUrl").GetString()!;
        DepotEnvironment["DEPOT_TOKEN"] = credentials.RootElement.GetProperty("token").GetString()!;
        DepotEnvironment["DEPOT_PROJECT_ID"] = credentials.RootElement.GetProperty("projectId").GetString()!;
        BuildxEnvironment["DOCKER_CONFIG"] = Path.Combine(Folder, "docker-config");
        DepotEnvironment["DOCKER_CONFIG"] = BuildxEnvironment["DOCKER_CONFIG"];
    }

    /// <summary>One build, so that the engine runs; then buildx is pointed at that engine.</summary>
    private async Task WarmAsync()
    {
        var context = ContextFolder("warm");
        await File.WriteAllTextAsync(Path.Combine(context, "Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n");
        await Measured.RunAsync(Depot, ["build", context], DepotEnvironment);
        var sockets = Directory.GetFiles(Folder, "*.sock", SearchOption.AllDirectories);
        if (sockets.FirstOrDefault(socket => socket.EndsWith("/buildkitd.sock", StringComparison.Ordinal)) is { } buildkitd)
        {
            await Measured.RunAsync(
                "docker", ["buildx", "create", "--name", "bench", "--driver", "remote", "--use", $"unix://{buildkitd}"], BuildxEnvironment);
            return;
        }

        var dockerd = sockets.First(socket => socket.EndsWith("/docker.sock", StringComparison.Ordinal));
        BuildxEnvironment["DOCKER_HOST"] = $"unix://{dockerd}";
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
