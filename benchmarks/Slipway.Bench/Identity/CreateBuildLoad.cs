using System.Diagnostics;
using Google.Protobuf;
using Grpc.Net.Client;
using Slipway.Bench.Reporting;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Depot.Cli.V1;

namespace Slipway.Bench.Identity;

/// <summary>
/// CreateBuild over Connect, against a server with a thousand project tokens and fifty trust relationships; every answer is on the disk before it is
/// given. Beside it: calls of the same server that need neither a token nor a disk. Client and server share the cores; the table says how they are shared.
/// </summary>
internal sealed class CreateBuildLoad : IAsyncDisposable
{
    private const int Tokens = 1000;
    private const int Relationships = 50;
    private const int Connections = 8;
    private const int CallsPerConnection = 8;
    private const string Name = "create-build";
    private static readonly Goal PerSecond = new(null, 3000, OfRatio: false, AtLeast: true);
    private static readonly Goal P99 = Goal.AtMost(null, 100);
    private readonly BenchServer _server;
    private readonly BenchIssuer _issuer;
    private readonly List<string> _tokens = [];
    private int _next;

    private CreateBuildLoad(BenchServer server, BenchIssuer issuer) => (_server, _issuer) = (server, issuer);

    public static async Task RunAsync(BenchRun run)
    {
        await using var issuer = await BenchIssuer.StartAsync();
        await using var load = new CreateBuildLoad(await BenchServer.StartAsync(run.Root, issuer.Url, run.Cancellation), issuer);
        await load.FillAsync();
        load.Measure(run.Report, TimeSpan.FromSeconds(run.Rounds(few: 4, many: 10)));
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private void Measure(Report report, TimeSpan span)
    {
        var create = Calls("CreateBuild", new CreateBuildRequest { ProjectId = _server.ProjectId }, _tokens);
        var list = new Contract.Depot.Cli.V1.ListBuildsRequest { ProjectId = _server.ProjectId, PageSize = 1 };
        var jobs = Enumerable.Range(0, Relationships).Select(i => _issuer.Token(_server.Url.ToString().TrimEnd('/'), $"pipeline-{i}")).ToList();

        // As long as the measurement: the server's code is compiled while it runs, and better the more it runs.
        // All that opens builds comes first: nobody finishes them, and after 45 s the server would begin to.
        Closed(create, span);
        var steady = Open(create, perSecond: 500, span);
        var opened = Closed(create, span);
        var wire = Closed([PreparedCall.Get(_server.Url.Authority, "/healthz")], span);
        var stored = Closed(Calls("ListBuilds", list, _tokens), span);
        var ci = Closed(Calls("ListBuilds", list, jobs), span);
        report.Add(
            Row.Of(Name, "durable CreateBuild, 64 at a time", "/s", [opened.PerSecond], "plain GET", [wire.PerSecond], PerSecond),
            Row.Of(Name, "its p99", "ms", [opened.P99], Goal.None),
            Row.Of(Name, "processor time a call, server", "µs", [opened.ServerMicroseconds], "the load's own", [opened.LoadMicroseconds], Goal.None),
            Row.Of(Name, "p99 at 500/s", "ms", [steady.P99], P99),
            Row.Of(Name, "p50 at 500/s", "ms", [steady.P50], Goal.None),
            Row.Of(Name, "ListBuilds with a CI token", "/s", [ci.PerSecond], "stored token", [stored.PerSecond], Goal.None));
    }

    private async Task FillAsync()
    {
        using var channel = GrpcChannel.ForAddress(_server.Url);
        var admin = new AdminService.AdminServiceClient(channel);
        var owner = new Grpc.Core.Metadata { { "authorization", "Bearer " + _server.Token } };
        for (var i = 0; i < Tokens; i++)
        {
            _tokens.Add((await admin.CreateTokenAsync(new CreateTokenRequest { ProjectId = _server.ProjectId }, owner)).Token);
        }

        for (var i = 0; i < Relationships; i++)
        {
            await admin.AddTrustAsync(
                new AddTrustRequest
                {
                    ProjectId = _server.ProjectId,
                    Provider = "buildkite",
                    Issuer = _issuer.Url,
                    Conditions =
                    {
                        new ClaimCondition { Claim = "organization_slug", Operator = "equals", Values = { "acme" } },
                        new ClaimCondition { Claim = "pipeline_slug", Operator = "equals", Values = { $"pipeline-{i}" } },
                    },
                },
                owner);
        }
    }

    private List<PreparedCall> Calls(string method, IMessage message, IReadOnlyList<string> tokens) => [.. tokens.Select(token =>
        PreparedCall.Post(_server.Url.Authority, $"/depot.cli.v1.BuildService/{method}", token, message.ToByteArray()))];

    private Figures Closed(IReadOnlyList<PreparedCall> calls, TimeSpan span) =>
        Run(connection => connection.RunClosed(() => Next(calls), CallsPerConnection, span));

    private Figures Open(IReadOnlyList<PreparedCall> calls, double perSecond, TimeSpan span) =>
        Run(connection => connection.RunOpen(() => Next(calls), perSecond / Connections, span));

    private PreparedCall Next(IReadOnlyList<PreparedCall> calls) => calls[(int)((uint)Interlocked.Increment(ref _next) % (uint)calls.Count)];

    private Figures Run(Action<CallConnection> run)
    {
        var connections = Enumerable.Range(0, Connections).Select(_ => new CallConnection(_server.Endpoint)).ToList();
        var (failure, watch) = (default(Exception), Stopwatch.StartNew());
        var (ours, theirs) = (Environment.CpuUsage.TotalTime, _server.ProcessorTime);
        var threads = connections.ConvertAll(connection => new Thread(() =>
        {
            try
            {
                run(connection);
            }
            catch (Exception e)
            {
                failure = e;
            }
        }));
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        var figures = Figures.Of(
            connections.SelectMany(connection => connection.Times), watch.Elapsed, Environment.CpuUsage.TotalTime - ours, _server.ProcessorTime - theirs);
        connections.ForEach(connection => connection.Dispose());
        return failure is null ? figures : throw new InvalidOperationException($"a call failed: {failure.Message}", failure);
    }

    private sealed record Figures(double PerSecond, double P50, double P99, double LoadMicroseconds, double ServerMicroseconds)
    {
        public static Figures Of(IEnumerable<long> times, TimeSpan elapsed, TimeSpan load, TimeSpan server)
        {
            var sorted = times.Order().Select(ticks => ticks * 1000.0 / Stopwatch.Frequency).ToArray();
            return sorted.Length == 0 ? new Figures(0, 0, 0, 0, 0) : new Figures(
                sorted.Length / elapsed.TotalSeconds, sorted[sorted.Length / 2], sorted[(int)(sorted.Length * 0.99)],
                load.TotalMicroseconds / sorted.Length, server.TotalMicroseconds / sorted.Length);
        }
    }
}
