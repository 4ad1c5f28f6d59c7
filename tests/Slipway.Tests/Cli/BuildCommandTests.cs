using Google.Protobuf.WellKnownTypes;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Wire.Control;
using Slipway.Contract.Depot.Cli.V1;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary><c>depot build</c> from its words to its exit code, against a server and a builder on real sockets.</summary>
public sealed class BuildCommandTests : IAsyncLifetime
{
    private const string Digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    private readonly CliScene _scene = new();
    private readonly List<FinishBuildRequest> _finished = [];
    private ConnectDouble _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await ConnectDouble.StartAsync();
        _scene.Environment["DEPOT_API_URL"] = _server.Url;
        _scene.Environment["DEPOT_TOKEN"] = "user-token";
        _scene.Environment["DEPOT_PROJECT_ID"] = "p1";
        _scene.Environment["DOCKER_CONFIG"] = Path.Combine(_scene.Folder, "docker");
        _scene.Write("app/Dockerfile", "FROM scratch\n");
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _scene.Dispose();
    }

    [Fact]
    public async Task A_build_travels_all_the_way_and_the_server_hears_of_its_end()
    {
        SolveRequest? request = null;
        await using var builder = new FakeBuilder((solve, _) =>
        {
            request = solve.Request;
            return Task.FromResult(Image());
        });
        Serve(builder);
        _scene.Environment["DEPOT_BUILDS_FILE"] = Path.Combine(_scene.Folder, "builds");
        var (exitCode, output, error) = await _scene.RunAsync(
            ["build", "-t", "a:1", "--push", "--progress=plain", "--iidfile", "iid", "--metadata-file", "meta.json", "app"]);
        Assert.Equal(0, exitCode);
        Assert.Equal("", output);
        Assert.Contains("[depot] build: http://server/builds/b1", error);
        Assert.Contains("[depot] launching amd64 machine", error);
        Assert.Contains("[depot] connecting to amd64 machine", error);
        Assert.EndsWith("\nBuild Summary: http://server/builds/b1\n", error);
        Assert.Equal("dockerfile.v0", request!.Frontend);
        Assert.Equal("image", request.Exporters.Single().Type);
        Assert.Equal(Digest, File.ReadAllText(Path.Combine(_scene.Folder, "iid")));
        Assert.Contains("\"buildID\": \"b1\"", File.ReadAllText(Path.Combine(_scene.Folder, "meta.json")));
        Assert.Matches(@"^success\t\d+\tp1\thttp://server/builds/b1\n$", File.ReadAllText(Path.Combine(_scene.Folder, "builds")));
        Assert.Equal(FinishBuildRequest.ResultOneofCase.Success, Assert.Single(_finished).ResultCase);
        Assert.Equal("Bearer user-token", _server.Headers["CreateBuild"].Authorization);
        Assert.Equal("Bearer build-token", _server.Headers["FinishBuild"].Authorization);
        Assert.Equal("Bearer build-token", _server.Headers["GetBuildKitConnection"].Authorization);
    }

    [Fact]
    public async Task Quiet_prints_the_id_alone()
    {
        await using var builder = new FakeBuilder((_, _) => Task.FromResult(Image()));
        Serve(builder);
        _scene.Environment["DEPOT_NO_SUMMARY_LINK"] = "1";
        Assert.Equal((0, $"{Digest}\n", ""), await _scene.RunAsync(["build", "-q", "-o", "type=image", "app"]));
    }

    [Fact]
    public async Task Without_an_output_a_warning_says_where_the_result_stays()
    {
        await using var builder = new FakeBuilder((_, _) => Task.FromResult(new SolveResponse()));
        Serve(builder);
        Assert.Contains(
            "WARNING: No output specified with depot driver. Build result will only remain in the build cache. To push result image into registry use --push or to load image into docker use --load\n",
            (await _scene.RunAsync(["build", "app"])).Error);
        Assert.DoesNotContain("No output", (await _scene.RunAsync(["build", "-o", "type=cacheonly", "app"])).Error);
        _scene.Environment["DEPOT_SUPPRESS_NO_OUTPUT_WARNING"] = "1";
        Assert.DoesNotContain("No output", (await _scene.RunAsync(["build", "app"])).Error);
    }

    [Fact]
    public async Task An_archive_is_written_to_its_file()
    {
        var archive = new byte[1_000_000];
        Random.Shared.NextBytes(archive);
        await using var builder = new FakeBuilder(async (solve, cancellation) =>
        {
            await solve.ExportAsync(0, archive, cancellation);
            return new SolveResponse();
        });
        Serve(builder);
        Assert.Equal(0, (await _scene.RunAsync(["build", "-o", "type=tar,dest=out.tar", "app"])).ExitCode);
        Assert.Equal(archive, await File.ReadAllBytesAsync(Path.Combine(_scene.Folder, "out.tar")));
    }

    [Fact]
    public async Task A_build_that_met_a_full_disk_ends_with_the_limit_and_the_remedy()
    {
        await using var builder = new FakeBuilder((_, _) => throw new GrpcStatusException(
            GrpcStatusCode.Unknown, "failed to solve: write /var/lib/x: no space left on device"))
        {
            Workers = new ListWorkersResponse { Record = { new WorkerRecord { GCPolicy = { new GCPolicy { MaxUsedSpace = 20_000_000_000 } } } } },
        };
        Serve(builder);

        var result = await _scene.RunAsync(["build", "app"]);

        Assert.Equal(1, result.ExitCode);
        Assert.Matches("\nno space left on builder cache \\(limit 20[.0]*GB\\): run \"depot cache reset\", or give the builder a larger disk\n$", result.Error);
    }

    [Theory]
    [InlineData(GrpcStatusCode.Unknown, "ERROR: failed to build: failed to solve: it broke\n", 1)]
    [InlineData(GrpcStatusCode.InvalidArgument, "ERROR: failed to build: failed to solve: InvalidArgument: it broke\n", 1)]
    [InlineData(GrpcStatusCode.Internal, "ERROR: failed to build: failed to solve: Internal: it broke\n", 100)]
    [InlineData(GrpcStatusCode.ResourceExhausted, "ERROR: failed to build: failed to solve: ResourceExhausted: it broke\n", 102)]
    public async Task A_failed_build_reads_and_ends_as_with_buildx(GrpcStatusCode code, string expected, int exitCode)
    {
        await using var builder = new FakeBuilder((_, _) => throw new GrpcStatusException(code, "it broke"));
        Serve(builder);
        _scene.Write("iid", "old");
        var result = await _scene.RunAsync(["build", "--iidfile", "iid", "app"]);
        Assert.EndsWith($"\nBuild Summary: http://server/builds/b1\n{expected}", result.Error);
        Assert.Equal(exitCode, result.ExitCode);
        Assert.Contains("it broke", Assert.Single(_finished).Error.Error);
        Assert.False(File.Exists(Path.Combine(_scene.Folder, "iid")));
    }

    [Fact]
    public async Task An_interrupt_cancels_the_solve_and_the_record()
    {
        var running = new TaskCompletionSource();
        await using var builder = new FakeBuilder(async (_, cancellation) =>
        {
            running.SetResult();
            await Task.Delay(Timeout.Infinite, cancellation);
            return new SolveResponse();
        });
        Serve(builder);
        using var stop = new CancellationTokenSource();
        var build = _scene.RunAsync(["build", "app"], stop.Token);
        await running.Task;
        await stop.CancelAsync();
        var (exitCode, _, error) = await build;
        Assert.Equal(130, exitCode);
        Assert.EndsWith("ERROR: failed to build: failed to solve: Canceled: context canceled\n", error);
        Assert.Equal(FinishBuildRequest.ResultOneofCase.Canceled, Assert.Single(_finished).ResultCase);
        await builder.Abandoned.Task;
    }

    [Fact]
    public async Task An_interrupt_while_the_machine_starts_cancels_the_record()
    {
        await using var builder = new FakeBuilder((_, _) => Task.FromResult(new SolveResponse()));
        Serve(builder);
        var polled = new TaskCompletionSource();
        _server.On("GetBuildKitConnection", GetBuildKitConnectionRequest.Parser, _ =>
        {
            polled.TrySetResult();
            return new GetBuildKitConnectionResponse { Pending = new() { WaitMs = 10 } };
        });
        using var stop = new CancellationTokenSource();
        var build = _scene.RunAsync(["build", "app"], stop.Token);
        await polled.Task;
        await stop.CancelAsync();
        var (exitCode, _, error) = await build;
        Assert.Equal(130, exitCode);
        Assert.EndsWith("ERROR: failed to build: failed to solve: Canceled: context canceled\n", error);
        Assert.Equal(FinishBuildRequest.ResultOneofCase.Canceled, Assert.Single(_finished).ResultCase);
    }

    [Fact]
    public async Task A_build_that_the_server_cancels_ends()
    {
        await using var builder = new FakeBuilder(async (_, cancellation) =>
        {
            await Task.Delay(Timeout.Infinite, cancellation);
            return new SolveResponse();
        });
        Serve(builder);
        _server.On("ReportBuildHealth", ReportBuildHealthRequest.Parser, _ => new ReportBuildHealthResponse { CancelsAt = new Timestamp { Seconds = 1 } });
        var (exitCode, _, error) = await _scene.RunAsync(["build", "app"]);
        Assert.Equal(1, exitCode);
        Assert.Contains("ERROR: build canceled by the server\n", error);
    }

    [Fact]
    public async Task A_builder_that_dies_is_an_error_that_says_so()
    {
        FakeBuilder? dying = null;
        await using var builder = dying = new FakeBuilder(async (_, cancellation) =>
        {
            dying!.Die();
            await Task.Delay(Timeout.Infinite, cancellation);
            return new SolveResponse();
        });
        Serve(builder);
        var (exitCode, _, error) = await _scene.RunAsync(["build", "app"]);
        Assert.Equal(1, exitCode);
        Assert.Contains("ERROR: failed to build: lost the connection to the builder at tcp://127.0.0.1:", error);
        Assert.Contains("lost the connection", Assert.Single(_finished).Error.Error);
    }

    [Fact]
    public async Task A_server_that_is_gone_when_the_build_ends_does_not_change_how_it_ended()
    {
        await using var builder = new FakeBuilder((_, _) => Task.FromResult(Image()));
        Serve(builder);
        _server.Fails("FinishBuild", 404, "not_found", "no such build");
        var (exitCode, _, error) = await _scene.RunAsync(["build", "app"]);
        Assert.Equal(0, exitCode);
        Assert.Contains("WARNING: could not tell the server how the build ended: not_found: no such build\n", error);
    }

    [Fact]
    public async Task A_refusal_of_the_server_is_shown_as_it_is()
    {
        _server.Fails("CreateBuild", 403, "permission_denied", "no access to project p1");
        var (exitCode, _, error) = await _scene.RunAsync(["build", "app"]);
        Assert.Equal(1, exitCode);
        Assert.EndsWith("ERROR: permission_denied: no access to project p1\n", error);
        Assert.Equal(["CreateBuild"], _server.Calls);
    }

    [Fact]
    public async Task Waiting_for_a_machine_goes_on_until_there_is_one()
    {
        await using var builder = new FakeBuilder((_, _) => Task.FromResult(Image()));
        Serve(builder);
        var polls = 0;
        _server.On("GetBuildKitConnection", GetBuildKitConnectionRequest.Parser, _ => Interlocked.Increment(ref polls) switch
        {
            1 => new GetBuildKitConnectionResponse(),
            2 => new GetBuildKitConnectionResponse { Pending = new() { WaitMs = 20 } },
            _ => new GetBuildKitConnectionResponse { Active = new() { Endpoint = builder.Endpoint, ServerName = "x" } },
        });
        Assert.Equal(0, (await _scene.RunAsync(["build", "app"])).ExitCode);
        Assert.Equal(3, polls);
    }

    private void Serve(FakeBuilder builder) => _server.WithBuild(builder.Endpoint).On("FinishBuild", FinishBuildRequest.Parser, request =>
    {
        _finished.Add(request);
        return new FinishBuildResponse();
    });

    private static SolveResponse Image() => new() { ExporterResponse = { ["containerimage.digest"] = Digest, ["image.name"] = "a:1" } };
}
