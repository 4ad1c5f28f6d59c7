using System.Diagnostics;
using Depot.Cli;
using Depot.Cli.ControlPlane;
using Slipway.Bench.Reporting;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Progress;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Builder.Engine;

namespace Slipway.Bench.EndToEnd;

/// <summary>From CreateBuild to the first answer of a warm engine, over mutual TLS, by the client's own code.</summary>
internal static class AllocationBenchmark
{
    public static async Task RunAsync(BenchRun run)
    {
        var site = await run.Site();
        // In this process the code is compiled on its way: the first rounds pay for that, the command never does.
        List<double> milliseconds = [];
        const int Unmeasured = 10;
        for (var round = -Unmeasured; round < run.Rounds(30, 200); round++)
        {
            var taken = await OnceAsync(site.Cli, site.ProjectId, run.Cancellation);
            if (round >= 0)
            {
                milliseconds.Add(taken.TotalMilliseconds);
            }
        }

        run.Report.Add(Row.Of("allocation", "time", "ms", milliseconds, Goal.AtMost(100, 30)));
    }

    private static async Task<TimeSpan> OnceAsync(CliContext cli, string projectId, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        await using var api = cli.OpenApi();
        var request = new CreateBuildRequest { ProjectId = projectId };
        var record = await BuildRecord.OpenAsync(api, Credentials.Resolve(null, cli), request, cancellation);
        TimeSpan taken;
        await using (var lease = await BuilderLease.AcquireAsync(
            api, record, MachineArchitecture.Name, new VertexWriter(_ => { }, cli.Clock), cli.Settings.Proxies, cli.Clock, cancellation))
        {
            await new ControlClient(lease.Channel).ListWorkersAsync(cancellation);
            taken = clock.Elapsed;
        }

        await record.SucceedAsync(cancellation);
        return taken;
    }
}
