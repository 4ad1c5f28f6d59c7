using Slipway.AcceptanceTests.Support;
using Slipway.Bench.Reporting;

namespace Slipway.Bench.EndToEnd;

/// <summary>The way to the builder is slow: what counts is how little travels.</summary>
internal static class ThinLineBenchmark
{
    private const int BytesPerSecond = 4_000_000;

    public static async Task RunAsync(BenchRun run)
    {
        var port = BenchSite.FreePort();
        await using var line = new ThinLine(port, BytesPerSecond);
        await using var site = await BenchSite.StartAsync(
            run.Root, run.Report, ["--builder-listen", $"127.0.0.1:{port}", "--builder-advertise", $"127.0.0.1:{line.Port}"], run.Cancellation);
        var context = Contexts.SourceCode(site.Folder.Folder("thin-line"), Path.Combine(run.Root, "src"));
        var runs = 0;
        async Task<Cost> OnceAsync(Func<string[], Task<Cost>> build)
        {
            var fresh = $"{context}-{++runs}";
            Directory.Move(context, fresh);
            try
            {
                return await build(["-o", "type=cacheonly", fresh]);
            }
            finally
            {
                Directory.Move(fresh, context);
            }
        }

        // The engine's own socket is no thin line.
        var (name, buildx, _) = site.Peers[0];
        var duel = await Duel.FightAsync(run.Rounds(2, 7), new Side("depot", _ => OnceAsync(site.DepotAsync)), new Side(name, _ => OnceAsync(buildx)));
        run.Report.Add(duel.Rows("thin-line", Goal.RatioAtMost(0.8, 0.5)));
    }
}
