using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Slipway.Bench.Reporting;
using Slipway.Builder;
using Slipway.Builder.Engine;

namespace Slipway.Bench.Engine;

/// <summary>How long an engine takes from nothing to its first ListWorkers answer, by the builder's own code: on an empty root and on a used one.</summary>
internal static class EngineStart
{
    public static async Task RunAsync(BenchRun run)
    {
        foreach (var kind in (string[])["dockerd", "buildkitd"])
        {
            if (ShortCommand.Find(kind, new BuilderOptions { Server = Nowhere, DataDirectory = "/" }.SearchPath) is null)
            {
                run.Report.Gap("engine-start", $"there is no {kind} on PATH");
                continue;
            }

            await MeasureAsync(run, kind);
        }
    }

    private static Uri Nowhere { get; } = new("http://127.0.0.1:1");

    private static async Task MeasureAsync(BenchRun run, string kind)
    {
        List<double> fresh = [], used = [];
        for (var round = 0; round < run.Rounds(3, 9); round++)
        {
            using var folder = ScratchFolder.Create();
            var options = new BuilderOptions { Server = Nowhere, DataDirectory = folder.Path, Engine = kind, BridgePool = "10.215.0.0/16" };
            var program = EngineSearch.Find(options, NullLogger.Instance);
            await program.CheckAsync(run.Cancellation);
            fresh.Add(await StartAsync(program, options, run.Cancellation));
            used.Add(await StartAsync(program, options, run.Cancellation));
        }

        run.Report.Add(
            Row.Of("engine-start", $"{kind}, empty root", "ms", fresh, Goal.None),
            Row.Of("engine-start", $"{kind}, used root", "ms", used, Goal.None));
    }

    private static async Task<double> StartAsync(IEngineProgram program, BuilderOptions options, CancellationToken cancellation)
    {
        double taken;
        await using (var house = new EngineHouse(program, options, NullLogger.Instance))
        {
            var clock = Stopwatch.StartNew();
            await house.Get("bench", MachineArchitecture.Name).StartAsync(cancellation);
            taken = clock.Elapsed.TotalMilliseconds;
        }

        await using var broom = new EngineHouse(program, options, NullLogger.Instance);
        await broom.CleanUpAsync(CancellationToken.None);
        return taken;
    }
}
