using System.Diagnostics;
using System.Runtime.InteropServices;
using Slipway.Bench.EndToEnd;
using Slipway.Bench.Engine;
using Slipway.Bench.FileSync;
using Slipway.Bench.Identity;
using Slipway.Bench.Proxy;
using Slipway.Bench.Reporting;

namespace Slipway.Bench;

/// <summary>Runs the benchmarks that are named, or all.</summary>
internal static class BenchHost
{
    private static readonly BenchCase[] Cases =
    [
        new("version", StartBenchmarks.VersionAsync),
        new("cached", BuildBenchmarks.CachedAsync),
        new("one-file", BuildBenchmarks.OneFileAsync),
        new("many-files", BuildBenchmarks.ManyFilesAsync),
        new("unchanged", BuildBenchmarks.UnchangedAsync),
        new("fresh-clone", BuildBenchmarks.FreshCloneAsync),
        new("thin-line", ThinLineBenchmark.RunAsync),
        new("bake", BakeBenchmark.RunAsync),
        new("load", LoadBenchmark.RunAsync),
        new("docker-version", StartBenchmarks.DockerVersionAsync),
        new("allocation", AllocationBenchmark.RunAsync),
        new("engine-start", EngineStart.RunAsync),
        new("proxy-upload", ProxyUpload.RunAsync),
        new("grpc-upload", EngineUpload.RunAsync),
        new("filesync-walk", WalkBenchmark.RunAsync),
        new("create-build", CreateBuildLoad.RunAsync),
    ];

    public static async Task<int> Main(string[] arguments)
    {
        var root = arguments.SkipWhile(argument => argument != "--root").Skip(1).FirstOrDefault() ?? Directory.GetCurrentDirectory();
        var named = arguments.Where(argument => argument != "--root" && argument != root).ToHashSet();
        if (named.Except(Cases.Select(known => known.Name)).FirstOrDefault() is { } unknown)
        {
            await Console.Error.WriteLineAsync($"bench: there is no case \"{unknown}\"; the cases are {string.Join(", ", Cases.Select(known => known.Name))}");
            return 2;
        }

        using var stop = new CancellationTokenSource();
        using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        return await RunAsync(root, [.. Cases.Where(known => named.Count == 0 || named.Contains(known.Name))], thorough: named.Count > 0, stop.Token);

        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }
    }

    private static async Task<int> RunAsync(string root, IReadOnlyList<BenchCase> cases, bool thorough, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var report = new Report(Console.Out, Path.Combine(root, "out", "bench"));
        var failed = false;
        BenchSite? site = null;
        var run = new BenchRun(root, report, thorough, async () => site ??= await BenchSite.StartAsync(root, report, cancellation), cancellation);
        try
        {
            foreach (var (next, at) in cases.Select((next, at) => (next, at)))
            {
                report.Say($"{next.Name} ({at + 1} of {cases.Count}, {clock.Elapsed.TotalSeconds:0} s so far)");
                failed |= !await TryAsync(next, run);
            }
        }
        catch (OperationCanceledException)
        {
            report.Say("stopped; what was measured so far stands below");
            failed = true;
        }
        finally
        {
            if (site is not null)
            {
                await site.DisposeAsync();
            }
        }

        report.Close();
        return failed ? 1 : 0;
    }

    /// <summary>A case that cannot run is said and does not cost the others.</summary>
    private static async Task<bool> TryAsync(BenchCase next, BenchRun run)
    {
        try
        {
            await next.Run(run);
            return true;
        }
        catch (Exception e) when (!run.Cancellation.IsCancellationRequested)
        {
            run.Report.Gap(next.Name, e.Message);
            return false;
        }
    }
}
