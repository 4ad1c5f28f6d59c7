namespace Slipway.Bench.EndToEnd;

/// <summary>How long the commands take to say their version: start-up, and nothing else.</summary>
internal static class StartBenchmarks
{
    private const int Rounds = 30;

    public static async Task VersionAsync(string root, string output)
    {
        var published = Environment.GetEnvironmentVariable("SLIPWAY_PUBLISHED_DEPOT")
            ?? throw new InvalidOperationException("SLIPWAY_PUBLISHED_DEPOT is not set; run the benchmark with ./bench.");
        var environment = new Dictionary<string, string> { ["DEPOT_NO_UPDATE_NOTIFIER"] = "1", ["CI"] = "true" };
        List<Cost> ours = [], peer = [];
        for (var round = 0; round < Rounds; round++)
        {
            ours.Add(await Measured.RunAsync(Path.Combine(root, "out/bin/depot"), ["--version"], environment));
            peer.Add(await Measured.RunAsync(Path.GetFullPath(published, root), ["--version"], environment));
        }

        var comparison = new Comparison("version", Cost.Median(ours), Cost.Median(peer), "published depot", 0.3);
        comparison.Print(Console.Out);
        comparison.Save(output);
    }
}
