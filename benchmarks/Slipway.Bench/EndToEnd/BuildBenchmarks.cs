using Slipway.Bench.Reporting;

namespace Slipway.Bench.EndToEnd;

/// <summary>Whole builds, ours and buildx's in turn, on one engine.</summary>
internal static class BuildBenchmarks
{
    private const string Peer = "docker buildx";

    /// <summary>Nothing is exported: exporting is the engine's work and the same for both.</summary>
    private static readonly string[] NoResult = ["-o", "type=cacheonly"];

    public static async Task CachedAsync(BenchRun run)
    {
        var site = await run.Site();
        var context = site.Folder.Folder("cached");
        await File.WriteAllTextAsync(Path.Combine(context, "Dockerfile"), "FROM scratch\n" + string.Concat(Enumerable.Range(1, 10).Select(i => $"COPY step-{i} /step-{i}\n")));
        foreach (var i in Enumerable.Range(1, 10))
        {
            await File.WriteAllTextAsync(Path.Combine(context, $"step-{i}"), $"step {i}\n");
        }

        var duel = await Duel.FightAsync(
            run.Rounds(21, 61), _ => site.DepotAsync([.. NoResult, context]), _ => site.BuildxAsync([.. NoResult, context]));
        run.Report.Add(duel.Rows("cached", Peer, Goal.RatioAtMost(0.6, 0.3)));
    }

    public static Task OneFileAsync(BenchRun run) => ColdAsync(run, "one-file", 4, folder => Contexts.OneFile(folder, 1 << 30));

    public static Task ManyFilesAsync(BenchRun run) => ColdAsync(run, "many-files", 3, folder => Contexts.ManyFiles(folder));

    public static async Task UnchangedAsync(BenchRun run)
    {
        var site = await run.Site();
        var context = Contexts.ManyFiles(site.Folder.Folder("unchanged"));
        var duel = await Duel.FightAsync(
            run.Rounds(5, 15), _ => site.DepotAsync([.. NoResult, context]), _ => site.BuildxAsync([.. NoResult, context]));
        run.Report.Add(duel.Rows("unchanged", Peer, Goal.RatioAtMost(0.6, 0.3)));
        Directory.Delete(context, recursive: true);
        await site.ForgetContextsAsync();
    }

    /// <summary>Every build finds a folder with a name that the engine has no copy for. The contents are always the same, so that the
    /// COPY behind the transfer is cached for both sides and only the transfer is measured.</summary>
    private static async Task ColdAsync(BenchRun run, string name, int rounds, Func<string, string> fill)
    {
        var site = await run.Site();
        var context = fill(site.Folder.Folder(name));
        async Task<Cost> OnceAsync(string side, int round, Func<string[], Task<Cost>> build)
        {
            var fresh = $"{context}-{side}-{round}";
            Directory.Move(context, fresh);
            try
            {
                return await build([.. NoResult, fresh]);
            }
            finally
            {
                Directory.Move(fresh, context);
                await site.ForgetContextsAsync();
            }
        }

        var duel = await Duel.FightAsync(
            run.Rounds(rounds, 9), round => OnceAsync("ours", round, site.DepotAsync), round => OnceAsync("peer", round, site.BuildxAsync));
        run.Report.Add(duel.Rows(name, Peer, Goal.RatioAtMost(0.8, 0.5)));
        Directory.Delete(context, recursive: true);
    }
}
