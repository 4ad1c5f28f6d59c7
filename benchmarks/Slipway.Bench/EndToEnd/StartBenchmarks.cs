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

    /// <summary>Docker asks every plugin what it is, twice for each command: a Docker configuration with ours, beside one without.</summary>
    public static async Task DockerVersionAsync(BenchRun run)
    {
        using var folder = ScratchFolder.Create();
        var script = Path.Combine(run.Root, "eng/dev-docker.sh");
        Dictionary<string, string> Environment(string name) => new() { ["DOCKER_CONFIG"] = folder[name], ["DOCKER_HOST"] = $"unix://{folder["docker"]}/docker.sock" };
        await Measured.RunPlainlyAsync(new Command(script, ["start", folder["docker"]], Environment("with")), run.Cancellation);
        try
        {
            await Measured.RunPlainlyAsync(new Command(Path.Combine(run.Root, "out/bin/depot"), ["configure-docker"], Environment("with")), run.Cancellation);
            Task<Cost> RunAsync(string name) => Measured.RunAsync(new Command("docker", ["version"], Environment(name)), run.Cancellation);
            var duel = await Duel.FightAsync(run.Rounds(20, 60), new Side("docker", _ => RunAsync("with")), new Side("without plugin", _ => RunAsync("without")));
            run.Report.Add(duel.Rows("docker-version", Goal.RatioAtMost(1.1, 1.0)));
        }
        finally
        {
            await Measured.RunPlainlyAsync(new Command(script, ["stop", folder["docker"]], Environment("with")), CancellationToken.None);
        }
    }
}
