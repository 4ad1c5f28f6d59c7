using System.Collections.Concurrent;
using System.Text.Json;
using Depot.Cli;
using Depot.Cli.Build;
using Depot.Cli.ControlPlane;
using Depot.Cli.Rendering;
using Google.Protobuf;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Wire.Control;
using Slipway.BuildKit.Wire.Gateway;
using Slipway.BuildKit.Wire.Solver;
using Slipway.Contract.Depot.Cli.V1;
using Xunit;
using SolveRequest = Slipway.BuildKit.Wire.Control.SolveRequest;
using SolveResponse = Slipway.BuildKit.Wire.Control.SolveResponse;

namespace Slipway.Tests.Cli;

/// <summary>Several targets in one build of the server's: what <c>depot bake</c> stands on.</summary>
public sealed class BuildTargetTests : IAsyncLifetime
{
    private readonly CliScene _scene = new();
    private readonly ConcurrentQueue<SolveRequest> _solves = [];
    private ConnectDouble _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await ConnectDouble.StartAsync();
        _scene.Environment["DEPOT_API_URL"] = _server.Url;
        _scene.Environment["DOCKER_CONFIG"] = Path.Combine(_scene.Folder, "docker");
        _scene.Write("one/Dockerfile", "FROM scratch\n");
        _scene.Write("two/Dockerfile", "FROM scratch\n");
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _scene.Dispose();
    }

    [Fact]
    public async Task Targets_share_one_record_and_one_builder_and_a_result_goes_from_one_to_the_other()
    {
        await using var builder = new FakeBuilder(async (solve, cancellation) =>
        {
            _solves.Enqueue(solve.Request);
            if (solve.Request.Frontend.Length == 0)
            {
                await solve.Returned.Task.WaitAsync(cancellation);
            }

            return new SolveResponse { ExporterResponse = { ["image.name"] = solve.Request.FrontendAttrs["target"] } };
        })
        {
            Frontend = request => new Result
            {
                Ref = new Ref { Id = request.FrontendOpt["target"], Def = new Definition { Def = { ByteString.CopyFromUtf8(request.FrontendOpt["target"]) } } },
            },
        };
        _server.WithBuild(builder.Endpoint).On("FinishBuild", FinishBuildRequest.Parser, _ => new FinishBuildResponse());
        using var first = await _scene.ResolveAsync("--target", "first", "one");
        using var second = await _scene.ResolveAsync("--target", "second", "two");
        var results = await BuildAsync(first, second);
        Assert.Equal(["CreateBuild", "FinishBuild", "GetBuildKitConnection"], _server.Calls.Where(call => call != "ReportBuildHealth").Order());

        var (driven, plain) = (_solves.Single(solve => solve.Frontend.Length == 0), _solves.Single(solve => solve.Frontend.Length > 0));
        Assert.Equal("first", driven.FrontendAttrs["target"]);
        Assert.Equal("first", Assert.Single(plain.FrontendInputs["first"].Def).ToStringUtf8());
        Assert.Equal("input:first", plain.FrontendAttrs["context:base"]);
        Assert.NotEqual(driven.Session, plain.Session);
        Assert.Equal(["first", "second"], results);
    }

    [Fact]
    public async Task The_first_failure_ends_the_other_targets_and_is_the_one_that_is_told()
    {
        await using var builder = new FakeBuilder(async (solve, cancellation) =>
        {
            if (solve.Request.FrontendAttrs["target"] == "second")
            {
                throw new GrpcStatusException(GrpcStatusCode.Unknown, "it broke");
            }

            await Task.Delay(Timeout.Infinite, cancellation);
            return new SolveResponse();
        });
        _server.WithBuild(builder.Endpoint).On("FinishBuild", FinishBuildRequest.Parser, _ => new FinishBuildResponse());
        using var first = await _scene.ResolveAsync("--target", "first", "one");
        using var second = await _scene.ResolveAsync("--target", "second", "two");
        var problem = await Assert.ThrowsAsync<CliException>(() => BuildAsync(first, second, linked: false));
        Assert.Equal("failed to build: failed to solve: it broke", problem.Message);
        await builder.Abandoned.Task;
    }

    [Fact]
    public async Task A_frontend_that_fails_behind_the_gateway_ends_its_Solve_in_its_own_words()
    {
        await using var builder = new FakeBuilder(async (solve, cancellation) =>
        {
            var returned = await solve.Returned.Task.WaitAsync(cancellation);
            throw new GrpcStatusException((GrpcStatusCode)returned.Error.Code, returned.Error.Message);
        })
        {
            Frontend = _ => throw new GrpcStatusException(GrpcStatusCode.InvalidArgument, "no such stage"),
        };
        _server.WithBuild(builder.Endpoint).On("FinishBuild", FinishBuildRequest.Parser, _ => new FinishBuildResponse());
        using var first = await _scene.ResolveAsync("--target", "first", "one");
        using var second = await _scene.ResolveAsync("--target", "second", "two");
        var problem = await Assert.ThrowsAsync<CliException>(() => BuildAsync(first, second));
        Assert.Equal("failed to build: failed to solve: InvalidArgument: no such stage", problem.Message);
    }

    private async Task<string[]> BuildAsync(BuildPlan firstPlan, BuildPlan secondPlan, bool linked = true)
    {
        var cli = new CliContext
        {
            Settings = _scene.Settings,
            WorkingFolder = _scene.Folder,
            Terminal = new Terminal { In = Stream.Null, Out = Stream.Null, Err = Stream.Null },
        };
        var steps = new VertexWriter(_ => { }, cli.Clock);
        using var logins = new RegistryLogins(cli, steps);
        await using var first = await BuildTarget.OpenAsync(cli, firstPlan, docker: null, logins, steps, CancellationToken.None);
        await using var second = await BuildTarget.OpenAsync(cli, secondPlan, docker: null, logins, steps, CancellationToken.None);
        await using var build = await RemoteBuild.OpenAsync(
            cli, new CreateBuildRequest { ProjectId = "p1" }, Credentials.Resolve("token", _scene.Context(TimeProvider.System)), logins, steps, CancellationToken.None);
        var results = await build.RunAsync(
            builders => FirstFailure.OfAllAsync<BuildResult>(
                [
                    stop => first.RunAsync(builders, _ => Task.FromResult(new SolveLinks { WantsFrontendResult = linked }), Ignore, stop),
                    stop => second.RunAsync(builders, solve => linked ? LinkAsync(first, solve) : Task.FromResult(SolveLinks.None), Ignore, stop),
                ],
                CancellationToken.None),
            CancellationToken.None);
        return [.. results.Select(result => JsonDocument.Parse(result.Metadata("b", "p", [])).RootElement.GetProperty("image.name").GetString()!)];
    }

    private static async Task<SolveLinks> LinkAsync(BuildTarget first, BuilderSolve solve) => new()
    {
        Inputs = new Dictionary<string, Definition> { ["first"] = (await (await first.OnBuilderOfAsync(solve))!.FrontendResult).Ref.Def },
        Attributes = new Dictionary<string, string> { ["context:base"] = "input:first" },
    };

    private static void Ignore(StatusResponse status)
    {
    }
}
