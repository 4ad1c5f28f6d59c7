namespace Slipway.Bench.EndToEnd;

/// <summary>Whole builds, ours and buildx's in turn, on one engine.</summary>
internal sealed class BuildBenchmarks(BenchSite site, string output)
{
    private const int Rounds = 7;
    private const string Nothing = "type=cacheonly";

    public static readonly IReadOnlyList<string> Names = ["cached", "one-file", "many-files", "unchanged"];

    public Task RunAsync(string name) => name switch
    {
        "cached" => CachedAsync(),
        "one-file" => OneFileAsync(),
        "many-files" => ManyFilesAsync(),
        "unchanged" => UnchangedAsync(),
        _ => throw new ArgumentException($"no benchmark is named {name}", nameof(name)),
    };

    private async Task CachedAsync()
    {
        var context = site.ContextFolder("cached");
        var steps = string.Concat(Enumerable.Range(1, 10).Select(i => $"COPY step-{i} /step-{i}\n"));
        await File.WriteAllTextAsync(Path.Combine(context, "Dockerfile"), "FROM scratch\n" + steps);
        foreach (var i in Enumerable.Range(1, 10))
        {
            await File.WriteAllTextAsync(Path.Combine(context, $"step-{i}"), $"step {i}\n");
        }

        await CompareAsync("cached", 0.6, Rounds * 3, _ => context, warm: true);
    }

    private Task OneFileAsync() => CompareAsync("one-file", 0.8, Rounds, round =>
    {
        var context = Fresh("one-file", round);
        using var file = File.Create(Path.Combine(context, "big"));
        var random = new Random(1);
        var block = new byte[1 << 20];
        for (var i = 0; i < 1024; i++)
        {
            random.NextBytes(block);
            file.Write(block);
        }

        return context;
    }, warm: false);

    private Task ManyFilesAsync() => CompareAsync("many-files", 0.8, Rounds, round => FiftyThousand(Fresh("many-files", round)), warm: false);

    private async Task UnchangedAsync()
    {
        var context = FiftyThousand(Fresh("unchanged", "same"));
        await CompareAsync("unchanged", 0.6, Rounds, _ => context, warm: true);
    }

    /// <summary>Runs both in turn, after one round that does not count. A cold case gets a folder of its own for every single run, with a name
    /// that the engine has no copy for; its contents are always the same, so that the COPY behind the transfer is cached for both sides.</summary>
    private async Task CompareAsync(string name, double must, int rounds, Func<string, string> context, bool warm)
    {
        List<Cost> ours = [], peer = [];
        for (var round = -1; round < rounds; round++)
        {
            var our = await OneAsync(context, $"ours-{round}", warm, folder =>
                Measured.RunAsync(site.Depot, ["build", "--progress=plain", "-o", Nothing, folder], site.DepotEnvironment));
            var theirs = await OneAsync(context, $"peer-{round}", warm, folder =>
                Measured.RunAsync("docker", ["buildx", "build", "--progress=plain", "-o", Nothing, folder], site.BuildxEnvironment));
            if (round >= 0)
            {
                ours.Add(our);
                peer.Add(theirs);
            }
        }

        var comparison = new Comparison(name, Cost.Median(ours), Cost.Median(peer), "docker buildx", must);
        comparison.Print(Console.Out);
        comparison.Save(output);
    }

    private static async Task<Cost> OneAsync(Func<string, string> context, string round, bool keep, Func<string, Task<Cost>> run)
    {
        var folder = context(round);
        try
        {
            return await run(folder);
        }
        finally
        {
            if (!keep)
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private string Fresh(string name, string round)
    {
        var folder = site.ContextFolder($"{name}-{round}");
        File.WriteAllText(Path.Combine(folder, "Dockerfile"), "FROM scratch\nCOPY . /\n");
        return folder;
    }

    private static string FiftyThousand(string folder)
    {
        var random = new Random(1);
        var block = new byte[4096];
        foreach (var directory in Enumerable.Range(0, 500))
        {
            var below = Path.Combine(folder, $"directory-{directory:000}");
            Directory.CreateDirectory(below);
            foreach (var file in Enumerable.Range(0, 100))
            {
                random.NextBytes(block);
                File.WriteAllBytes(Path.Combine(below, $"file-{file:00}"), block);
            }
        }

        return folder;
    }
}
