using Slipway.Bench.Reporting;

namespace Slipway.Bench.EndToEnd;

/// <summary>Ten targets that share one context, ours and buildx's in turn, by the ways of <see cref="BenchSite.Peers"/>: the context travels once.</summary>
internal static class BakeBenchmark
{
    private const int Targets = 10;
    private const long ContextBytes = 128L << 20;

    public static async Task RunAsync(BenchRun run)
    {
        var site = await run.Site();
        var context = Contexts.OneFile(site.Folder.Folder("bake"), ContextBytes);
        var runs = 0;
        async Task<Cost> OnceAsync(Func<string[], Task<Cost>> bake)
        {
            // A name that the engine has no copy of, so that every run sends it.
            var fresh = $"{context}-{++runs}";
            Directory.Move(context, fresh);
            try
            {
                return await bake(["--file", Definition(site, fresh), "--allow", $"fs.read={fresh}", "--set", "*.output=type=cacheonly"]);
            }
            finally
            {
                Directory.Move(fresh, context);
                await site.ForgetContextsAsync();
            }
        }

        var duel = await Duel.FightAsync(run.Rounds(3, 15),
        [
            new Side("depot bake", _ => OnceAsync(site.DepotBakeAsync)),
            .. site.Peers.Select(peer => new Side(peer.Name, _ => OnceAsync(peer.Bake))),
        ]);
        run.Report.Add(duel.Rows("bake", Goal.RatioAtMost(0.8, 0.5)));
        Directory.Delete(context, recursive: true);
    }

    private static string Definition(BenchSite site, string context)
    {
        var file = Path.Combine(site.Folder.Folder("bake-definition"), "docker-bake.hcl");
        File.WriteAllText(file, $$"""
            target "default" {
              name = "target-${n}"
              matrix = { n = [{{string.Join(", ", Enumerable.Range(0, Targets).Select(n => $"\"{n}\""))}}] }
              context = "{{context}}"
              labels = { n = n }
            }
            """);
        return file;
    }
}
