using Slipway.Bench.Reporting;

namespace Slipway.Bench.EndToEnd;

/// <summary>Whole builds, ours and buildx's in turn, on one engine.</summary>
internal static class BuildBenchmarks
{
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

        var duel = await Duel.FightAsync(run.Rounds(21, 61), Sides(site, (_, build) => build([.. NoResult, context])));
        run.Report.Add(duel.Rows("cached", Goal.RatioAtMost(0.6, 0.3)));
    }

    public static Task OneFileAsync(BenchRun run) => ColdAsync(run, "one-file", 4, folder => Contexts.OneFile(folder, 1 << 30));

    public static Task ManyFilesAsync(BenchRun run) => ColdAsync(run, "many-files", 3, folder => Contexts.ManyFiles(folder));

    public static async Task UnchangedAsync(BenchRun run)
    {
        var site = await run.Site();
        var context = Contexts.ManyFiles(site.Folder.Folder("unchanged"));
        var duel = await Duel.FightAsync(run.Rounds(4, 15), Sides(site, (_, build) => build([.. NoResult, context])));
        run.Report.Add(duel.Rows("unchanged", Goal.RatioAtMost(0.6, 0.3)));
        Directory.Delete(context, recursive: true);
        await site.ForgetContextsAsync();
    }

    /// <summary>A work tree of 50,000 files, all of them written a moment ago, as an agent's clone is. Nothing but the times is new.</summary>
    public static async Task FreshCloneAsync(BenchRun run)
    {
        var site = await run.Site();
        var context = Contexts.ManyFiles(site.Folder.Folder("fresh-clone"));
        await Contexts.MakeRepositoryAsync(context, run.Cancellation);
        Task<Cost> OnceAsync(int round, Func<string[], Task<Cost>> build)
        {
            Contexts.Touch(context);
            return build([.. NoResult, context]);
        }

        var duel = await Duel.FightAsync(run.Rounds(3, 9), Sides(site, OnceAsync, "--stable-times"));
        run.Report.Add(duel.Rows("fresh-clone", Goal.RatioAtMost(0.2, 0.05)));
        Directory.Delete(context, recursive: true);
        await site.ForgetContextsAsync();
    }

    /// <summary>Every build finds a folder with a name that the engine has no copy for. The contents are always the same, so that the
    /// COPY behind the transfer is cached for both sides and only the transfer is measured.</summary>
    private static async Task ColdAsync(BenchRun run, string name, int rounds, Func<string, string> fill)
    {
        var site = await run.Site();
        var context = fill(site.Folder.Folder(name));
        var runs = 0;
        async Task<Cost> OnceAsync(int round, Func<string[], Task<Cost>> build)
        {
            var fresh = $"{context}-{++runs}";
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

        var duel = await Duel.FightAsync(run.Rounds(rounds, 9), Sides(site, OnceAsync));
        run.Report.Add(duel.Rows(name, Goal.RatioAtMost(0.8, 0.5)));
        Directory.Delete(context, recursive: true);
    }

    private static IReadOnlyList<Side> Sides(BenchSite site, Func<int, Func<string[], Task<Cost>>, Task<Cost>> once, params string[] ownFlags) =>
    [
        new("depot", round => once(round, arguments => site.DepotAsync([.. ownFlags, .. arguments]))),
        .. site.Peers.Select(peer => new Side(peer.Name, round => once(round, peer.Build))),
    ];
}
