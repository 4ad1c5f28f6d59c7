using Slipway.Bench.Reporting;

namespace Slipway.Bench.EndToEnd;

/// <summary>How long the commands take to say their version: start-up, and nothing else.</summary>
internal static class StartBenchmarks
{
    public static async Task VersionAsync(BenchRun run)
    {
        var published = Environment.GetEnvironmentVariable("SLIPWAY_PUBLISHED_DEPOT")
            ?? throw new InvalidOperationException("SLIPWAY_PUBLISHED_DEPOT is not set; run the benchmark with ./bench");
        var environment = new Dictionary<string, string> { ["DEPOT_NO_UPDATE_NOTIFIER"] = "1", ["CI"] = "true" };
        Task<Cost> RunAsync(string program) => Measured.RunAsync(new Command(Path.GetFullPath(program, run.Root), ["--version"], environment), run.Cancellation);
        var duel = await Duel.FightAsync(run.Rounds(30, 100), new Side("depot", _ => RunAsync("out/bin/depot")), new Side("published depot", _ => RunAsync(published)));
        run.Report.Add(duel.Rows("version", Goal.RatioAtMost(0.3)));
        run.Report.Add(Row.Of("version", "time", "ms", [.. duel.Ours(cost => cost.Seconds * 1000)], Goal.AtMost(null, 5)));
    }
}
