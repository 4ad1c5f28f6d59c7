using Slipway.Bench.Reporting;

namespace Slipway.Bench.EndToEnd;

/// <summary>A 1 GiB image of eleven layers into a local Docker, the first time and after its smallest layer has changed. buildx works on the same engine
/// through its remote driver; what Docker is sent is counted on its socket.</summary>
internal static class LoadBenchmark
{
    private const string Peer = "docker buildx";
    private const int Layers = 10;
    private const int LayerBytes = 102 * 1024 * 1024;

    public static async Task RunAsync(BenchRun run)
    {
        var site = await run.Site();
        var (script, folder) = (Path.Combine(run.Root, "eng/dev-docker.sh"), site.Folder["local-docker"]);
        await Measured.RunPlainlyAsync(new Command(script, ["start", folder], site.BuildxEnvironment), run.Cancellation);
        try
        {
            await using var docker = new SocketRelay(site.Folder["counted.sock"], Path.Combine(folder, "docker.sock"));
            await using var engine = new SocketRelay(site.Folder["engine.sock"], site.EngineSocket, upgrade: site.EngineIsDockerd);
            var context = MakeContext(site.Folder.Folder("load"));
            await CompareAsync(run, new Sides(site, docker, engine, context, run.Cancellation));
            Directory.Delete(context, recursive: true);
        }
        finally
        {
            await Measured.RunPlainlyAsync(new Command(script, ["stop", folder], site.BuildxEnvironment), CancellationToken.None);
        }
    }

    private static async Task CompareAsync(BenchRun run, Sides sides)
    {
        await sides.ConnectBuildxAsync();

        // Both sides compress the layers here for the first and only time.
        await sides.LoadAsync(isOurs: true);
        List<Load> firstOurs = [], firstTheirs = [], changedOurs = [], changedTheirs = [];
        for (var round = 0; round < run.Rounds(2, 5); round++)
        {
            foreach (var isOurs in round % 2 == 0 ? (bool[])[true, false] : [false, true])
            {
                await sides.ForgetImagesAsync();
                (isOurs ? firstOurs : firstTheirs).Add(await sides.LoadAsync(isOurs));
                (isOurs ? changedOurs : changedTheirs).Add(await sides.LoadAsync(isOurs));
            }
        }

        Add(run, "first", firstOurs, firstTheirs, Goal.None);
        Add(run, "changed", changedOurs, changedTheirs, Goal.RatioAtMost(0.05, 0.02));
    }

    private static void Add(BenchRun run, string which, List<Load> ours, List<Load> theirs, Goal goal) => run.Report.Add(
        Row.Of("load", $"{which}: time", "s", [.. ours.Select(load => load.Seconds)], Peer, [.. theirs.Select(load => load.Seconds)], goal),
        Row.Of("load", $"{which}: sent to Docker", "MB", [.. ours.Select(load => load.Bytes / 1e6)], Peer, [.. theirs.Select(load => load.Bytes / 1e6)], goal));

    private static string MakeContext(string context)
    {
        var random = new Random(1);
        var contents = new byte[LayerBytes];
        foreach (var layer in Enumerable.Range(0, Layers))
        {
            random.NextBytes(contents);
            File.WriteAllBytes(Path.Combine(context, $"layer-{layer}"), contents);
        }

        File.WriteAllText(
            Path.Combine(context, "Dockerfile"),
            "FROM scratch\n" + string.Concat(Enumerable.Range(0, Layers).Select(layer => $"COPY layer-{layer} /\n")) + "COPY changing /\nCMD [\"/none\"]\n");
        return context;
    }

    private sealed record Load(double Seconds, long Bytes);

    /// <summary>Both clients, on one engine and one Docker.</summary>
    private sealed class Sides(BenchSite site, SocketRelay docker, SocketRelay engine, string context, CancellationToken cancellation)
    {
        private readonly Dictionary<string, string> _ours = new(site.DepotEnvironment) { ["DOCKER_HOST"] = $"unix://{docker.Path}" };
        private readonly Dictionary<string, string> _theirs = new(site.BuildxEnvironment) { ["DOCKER_HOST"] = $"unix://{docker.Path}" };

        public Task ConnectBuildxAsync() =>
            RunAsync("buildx", "create", "--name", "load", "--driver", "remote", $"unix://{engine.Path}");

        /// <summary>Takes the image, and with it every layer, away from the local Docker.</summary>
        public Task ForgetImagesAsync() => RunAsync("system", "prune", "--all", "--force");

        /// <summary>Changes the smallest layer and loads the image.</summary>
        public async Task<Load> LoadAsync(bool isOurs)
        {
            await File.WriteAllTextAsync(Path.Combine(context, "changing"), $"{Guid.NewGuid()}", cancellation);
            docker.TakeSent();
            string[] what = ["--progress=plain", "--load", "-t", "bench:load", context];
            var command = isOurs
                ? new Command(Path.Combine(site.Root, "out/bin/depot"), ["build", .. what], _ours)
                : new Command("docker", ["buildx", "build", "--builder", "load", .. what], _theirs);
            var cost = await Measured.RunAsync(command, cancellation);
            return new Load(cost.Seconds, docker.TakeSent());
        }

        private Task RunAsync(params string[] arguments) => Measured.RunPlainlyAsync(new Command("docker", arguments, _theirs), cancellation);
    }
}
