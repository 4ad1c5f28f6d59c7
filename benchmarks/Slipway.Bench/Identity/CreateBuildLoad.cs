using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using Slipway.Bench.Reporting;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Server;

namespace Slipway.Bench.Identity;

/// <summary>
/// CreateBuild over Connect, against a server with a thousand project tokens and fifty trust relationships; every answer is on the disk before it is
/// given. Beside it: calls of the same server that need neither a token nor a disk, which is what the wire alone costs here. Client and server share the cores.
/// </summary>
internal sealed class CreateBuildLoad : IAsyncDisposable
{
    private const int Tokens = 1000;
    private const int Relationships = 50;
    private const string Name = "create-build";
    private static readonly Goal PerSecond = new(null, 3000, OfRatio: false, AtLeast: true);
    private static readonly Goal P99 = Goal.AtMost(null, 100);
    private readonly RunningServer _server;
    private readonly BenchIssuer _issuer;
    private readonly string _folder;
    private readonly HttpClient _http;
    private readonly List<string> _tokens = [];
    private string _project = "";

    private CreateBuildLoad(RunningServer server, BenchIssuer issuer, string folder)
    {
        (_server, _issuer, _folder) = (server, issuer, folder);
        _http = new HttpClient(new SocketsHttpHandler { EnableMultipleHttp2Connections = true })
        {
            BaseAddress = server.Url,
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
    }

    private static async Task<CreateBuildLoad> StartAsync()
    {
        // A real disk: on tmpfs a flush is free.
        var folder = Directory.CreateTempSubdirectory("slipway-bench-").FullName;
        var issuer = await BenchIssuer.StartAsync();
        var options = new ServerOptions
        {
            DataDirectory = folder, Listen = "127.0.0.1:0", LogLevel = LogLevel.None, InsecureIssuers = [issuer.Url],
        };
        var load = new CreateBuildLoad(await ServerHost.StartAsync(options, default), issuer, folder);
        await load.FillAsync();
        return load;
    }

    public static async Task RunAsync(BenchRun run)
    {
        await using var load = await StartAsync();
        await load.MeasureAsync(run.Report, TimeSpan.FromSeconds(run.Rounds(few: 4, many: 10)));
    }

    private async Task MeasureAsync(Report report, TimeSpan span)
    {
        var jobs = Enumerable.Range(0, Relationships).Select(i => _issuer.Token(_server.Url.ToString().TrimEnd('/'), $"pipeline-{i}")).ToList();
        await ClosedAsync(Call(_tokens), TimeSpan.FromSeconds(2));
        var wire = await ClosedAsync(Ready, span);
        var opened = await ClosedAsync(Call(_tokens), span);
        var stored = await ClosedAsync(Read(_tokens), span);
        var ci = await ClosedAsync(Read(jobs), span);
        var steady = await OpenAsync(Call(_tokens), perSecond: 500, span);
        report.Add(
            Row.Of(Name, "durable CreateBuild, 64 at a time", "/s", [opened.PerSecond], "plain GET", [wire.PerSecond], PerSecond),
            Row.Of(Name, "its p99", "ms", [opened.P99], Goal.None),
            Row.Of(Name, "p99 at 500/s", "ms", [steady.P99], P99),
            Row.Of(Name, "p50 at 500/s", "ms", [steady.P50], Goal.None),
            Row.Of(Name, "ListBuilds with a CI token", "/s", [ci.PerSecond], "stored token", [stored.PerSecond], Goal.None));
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _server.DisposeAsync();
        await _issuer.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task FillAsync()
    {
        var first = await _server.SetUpAsync(default) ?? throw new InvalidOperationException("The folder was not empty.");
        _project = first.ProjectId;
        using var channel = GrpcChannel.ForAddress(_server.Url);
        var admin = new AdminService.AdminServiceClient(channel);
        var owner = new Grpc.Core.Metadata { { "authorization", "Bearer " + first.Token } };
        for (var i = 0; i < Tokens; i++)
        {
            _tokens.Add((await admin.CreateTokenAsync(new CreateTokenRequest { ProjectId = _project }, owner)).Token);
        }

        for (var i = 0; i < Relationships; i++)
        {
            await admin.AddTrustAsync(
                new AddTrustRequest
                {
                    ProjectId = _project,
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

    private Func<int, Task> Call(IReadOnlyList<string> tokens) => i => SendAsync(
        "/depot.cli.v1.BuildService/CreateBuild", new CreateBuildRequest { ProjectId = _project }, tokens[i % tokens.Count]);

    private Func<int, Task> Read(IReadOnlyList<string> tokens) => i => SendAsync(
        "/depot.cli.v1.BuildService/ListBuilds", new Contract.Depot.Cli.V1.ListBuildsRequest { ProjectId = _project, PageSize = 1 }, tokens[i % tokens.Count]);

    private async Task Ready(int i)
    {
        using var answer = await _http.GetAsync("/healthz");
        answer.EnsureSuccessStatusCode();
    }

    private async Task SendAsync(string path, IMessage message, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new ByteArrayContent(message.ToByteArray()),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/proto");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var answer = await _http.SendAsync(request);
        if (!answer.IsSuccessStatusCode)
        {
            throw new InvalidOperationException(await answer.Content.ReadAsStringAsync());
        }
    }

    /// <summary>64 callers, each with its next call as soon as the last one is answered.</summary>
    private static async Task<Figures> ClosedAsync(Func<int, Task> call, TimeSpan span)
    {
        var times = new ConcurrentQueue<double>();
        var (watch, next) = (Stopwatch.StartNew(), 0);
        await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Task.Run(async () =>
        {
            while (watch.Elapsed < span)
            {
                var begun = Stopwatch.GetTimestamp();
                await call(Interlocked.Increment(ref next));
                times.Enqueue(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
            }
        })));
        return Figures.Of(times, watch.Elapsed);
    }

    /// <summary>Calls at their times, whether or not earlier ones were answered; a late start counts against the server.</summary>
    private static async Task<Figures> OpenAsync(Func<int, Task> call, int perSecond, TimeSpan span)
    {
        var times = new ConcurrentQueue<double>();
        var watch = Stopwatch.StartNew();
        var calls = new List<Task>();
        for (var i = 0; i < perSecond * span.TotalSeconds; i++)
        {
            var due = TimeSpan.FromSeconds((double)i / perSecond);
            if (due - watch.Elapsed is { TotalMilliseconds: > 1 } early)
            {
                await Task.Delay(early);
            }

            calls.Add(OneAsync(i, due));
        }

        await Task.WhenAll(calls);
        return Figures.Of(times, watch.Elapsed);

        async Task OneAsync(int i, TimeSpan due)
        {
            await call(i);
            times.Enqueue((watch.Elapsed - due).TotalMilliseconds);
        }
    }

    private sealed record Figures(double PerSecond, double P50, double P99)
    {
        public static Figures Of(ConcurrentQueue<double> times, TimeSpan elapsed)
        {
            var sorted = times.Order().ToArray();
            return new Figures(sorted.Length / elapsed.TotalSeconds, sorted[sorted.Length / 2], sorted[(int)(sorted.Length * 0.99)]);
        }
    }
}
