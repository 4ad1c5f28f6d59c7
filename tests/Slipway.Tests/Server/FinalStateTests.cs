using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Contract.Fleet.V1;
using Slipway.Server.Builds;
using Slipway.Tests.Server.Support;
using Xunit;
using Outcome = Slipway.Contract.Fleet.V1.BuildEnded.Types.Outcome;

namespace Slipway.Tests.Server;

/// <summary>Every build reaches one final state, whoever vanishes.</summary>
public sealed class FinalStateTests
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);

    [Fact]
    public async Task The_first_end_stays()
    {
        await using var server = await TestServer.StartAsync(_clock);
        var (build, token) = await server.CreateBuildAsync();
        var client = server.Builds(token);

        await client.FinishBuildAsync(new FinishBuildRequest { BuildId = build, Error = new() { Error = "failed to solve" } });
        await client.FinishBuildAsync(new FinishBuildRequest { BuildId = build, Success = new() });

        Assert.Equal("failed: failed to solve", await server.StatusAsync(build));
        Assert.Null((await client.ReportBuildHealthAsync(new ReportBuildHealthRequest { BuildId = build })).CancelsAt);
    }

    [Fact]
    public async Task Finishing_without_a_result_is_refused()
    {
        await using var server = await TestServer.StartAsync(_clock);
        var (build, token) = await server.CreateBuildAsync();

        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await server.Builds(token).FinishBuildAsync(new FinishBuildRequest { BuildId = build }));

        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.Equal("running: ", await server.StatusAsync(build));
    }

    [Fact]
    public async Task A_build_token_dies_ten_minutes_after_its_build()
    {
        await using var server = await TestServer.StartAsync(_clock);
        var (build, token) = await server.CreateBuildAsync();
        var client = server.Builds(token);
        await client.FinishBuildAsync(new FinishBuildRequest { BuildId = build, Success = new() });
        _clock.Advance(TimeSpan.FromMinutes(9));
        await client.ReportBuildHealthAsync(new ReportBuildHealthRequest { BuildId = build });
        _clock.Advance(TimeSpan.FromMinutes(1));

        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await client.ReportBuildHealthAsync(new ReportBuildHealthRequest { BuildId = build }));

        Assert.Equal("the build of this build token is over; start a new build", refused.Status.Detail);
    }

    [Fact]
    public async Task A_client_that_vanishes_before_it_starts_cancels_its_build()
    {
        await using var server = await TestServer.StartAsync(_clock);
        var (build, token) = await server.CreateBuildAsync();
        await TickAsync(server, TimeSpan.FromSeconds(40));
        await server.Builds(token).ReportBuildHealthAsync(new ReportBuildHealthRequest { BuildId = build });
        await TickAsync(server, TimeSpan.FromSeconds(40));
        Assert.Equal("running: ", await server.StatusAsync(build));

        await TickAsync(server, TimeSpan.FromSeconds(6));

        Assert.Equal("canceled: client disconnected before the build started", await server.StatusAsync(build));
        var health = await server.Builds(token).ReportBuildHealthAsync(new ReportBuildHealthRequest { BuildId = build });
        Assert.Equal(DateTime.UnixEpoch, health.CancelsAt.ToDateTime());
    }

    [Theory]
    [InlineData(Outcome.Success, "", "finished: ")]
    [InlineData(Outcome.ClientLeft, "", "canceled: client disconnected")]
    [InlineData(Outcome.Error, "exit code: 3", "failed: exit code: 3")]
    public async Task What_the_builder_saw_counts_when_the_client_says_nothing(Outcome outcome, string error, string expected)
    {
        await using var server = await TestServer.StartAsync(_clock);
        await using var builder = await FakeBuilder.AttachedAsync(server);
        var (build, lease) = await RunningAsync(server, builder);
        await builder.EndedAsync(build, lease, outcome, error);

        await TickAsync(server, TimeSpan.FromSeconds(11));

        Assert.Equal(expected, await server.StatusAsync(build));
    }

    [Fact]
    public async Task What_the_builder_saw_survives_a_restart_of_the_server()
    {
        await using var server = await TestServer.StartAsync(_clock);
        await using var builder = await FakeBuilder.AttachedAsync(server);
        var (build, lease) = await RunningAsync(server, builder);
        await builder.EndedAsync(build, lease, Outcome.ClientLeft);
        await server.RestartAsync();
        await TickAsync(server, TimeSpan.FromSeconds(9));
        Assert.Equal("running: ", await server.StatusAsync(build));

        await TickAsync(server, TimeSpan.FromSeconds(2));

        Assert.Equal("canceled: client disconnected", await server.StatusAsync(build));
    }

    [Fact]
    public async Task A_builder_speaks_of_its_own_builds_and_engines_alone()
    {
        await using var server = await TestServer.StartAsync(_clock);
        await using var builder = await FakeBuilder.AttachedAsync(server);
        var (build, lease) = await RunningAsync(server, builder);
        await using var hostile = await FakeBuilder.AttachedAsync(server, "hostile", "arm64");

        await hostile.SendAsync(new BuilderMessage { CertificateRequest = new CertificateRequest { LeaseId = lease, Csr = FakeBuilder.NewCsr() } });
        await hostile.SendAsync(new BuilderMessage { EngineReady = new EngineReady { LeaseId = lease } });
        await hostile.SendAsync(new BuilderMessage { EngineFailed = new EngineFailed { LeaseId = lease, Error = "no" } });
        await hostile.SendAsync(new BuilderMessage { EngineStopped = new EngineStopped { LeaseId = lease } });
        await hostile.SendAsync(new BuilderMessage { CacheReset = new CacheReset { ProjectId = server.First.ProjectId } });
        await hostile.EndedAsync(build, lease, Outcome.Success);
        await TickAsync(server, TimeSpan.FromSeconds(11));

        Assert.Equal("running: ", await server.StatusAsync(build));
        Assert.Empty(hostile.Chains);
        Assert.Contains(hostile.All, message => message.StopEngine?.LeaseId == lease);
        Assert.DoesNotContain(builder.All, message => message.StopEngine is not null);

        // Its engine serves on, and its cache is still known to be there.
        var (_, same) = await RunningAsync(server, builder);
        Assert.Equal(lease, same);
    }

    [Fact]
    public async Task A_builder_that_vanishes_fails_its_builds_and_their_clients_are_told()
    {
        await using var server = await TestServer.StartAsync(_clock);
        await using var builder = await FakeBuilder.AttachedAsync(server, "mill");
        var (build, _) = await RunningAsync(server, builder);
        await builder.VanishAsync();
        await TickAsync(server, TimeSpan.FromSeconds(29));
        Assert.Equal("running: ", await server.StatusAsync(build));

        await TickAsync(server, TimeSpan.FromSeconds(2));

        Assert.Equal("failed: builder lost: mill stopped responding", await server.StatusAsync(build));
        var health = await server.Builds().ReportBuildHealthAsync(new ReportBuildHealthRequest { BuildId = build });
        Assert.Equal(DateTime.UnixEpoch, health.CancelsAt.ToDateTime());
    }

    [Fact]
    public async Task A_client_that_watches_its_builder_keeps_the_build_while_the_server_alone_cannot_see_it()
    {
        await using var server = await TestServer.StartAsync(_clock);
        await using var builder = await FakeBuilder.AttachedAsync(server, "mill");
        var (build, _) = await RunningAsync(server, builder);
        await builder.VanishAsync();
        for (var elapsed = 0; elapsed < 300; elapsed += 10)
        {
            await server.Builds().ReportBuildHealthAsync(new ReportBuildHealthRequest { BuildId = build, WatchesBuilder = true });
            await TickAsync(server, TimeSpan.FromSeconds(10));
            Assert.Equal("running: ", await server.StatusAsync(build));
        }

        await TickAsync(server, TimeSpan.FromSeconds(6));

        Assert.Equal("failed: builder lost: mill stopped responding", await server.StatusAsync(build));
    }

    [Fact]
    public async Task A_builder_that_never_comes_back_to_a_restarted_server_fails_its_builds()
    {
        await using var server = await TestServer.StartAsync(_clock);
        await using var builder = await FakeBuilder.AttachedAsync(server, "mill");
        var (build, _) = await RunningAsync(server, builder);
        await server.RestartAsync();
        await TickAsync(server, TimeSpan.FromSeconds(29));
        Assert.Equal("running: ", await server.StatusAsync(build));

        await TickAsync(server, TimeSpan.FromSeconds(2));

        Assert.Equal("failed: builder lost: mill stopped responding", await server.StatusAsync(build));
    }

    [Fact]
    public async Task A_builder_that_comes_back_brings_its_builds_and_engines_along()
    {
        await using var server = await TestServer.StartAsync(_clock);
        await using var builder = await FakeBuilder.AttachedAsync(server);
        var (build, lease) = await RunningAsync(server, builder);
        await server.RestartAsync();

        await builder.AttachAsync(new RunningBuild { BuildId = build, LeaseId = lease });
        _clock.Advance(TimeSpan.FromSeconds(14));
        await server.Service<BuildReaper>().TickAsync(default);
        var (next, token) = await server.CreateBuildAsync();
        var active = (await server.Builds(token).GetBuildKitConnectionAsync(new() { BuildId = next, Platform = BuilderPlatform.Amd64 })).Active;

        Assert.Equal("running: ", await server.StatusAsync(build));
        Assert.StartsWith(lease, active.ServerName);
        Assert.Single(builder.Engines);
    }

    [Fact]
    public async Task A_builder_that_comes_back_empty_has_lost_its_builds()
    {
        await using var server = await TestServer.StartAsync(_clock);
        await using var builder = await FakeBuilder.AttachedAsync(server, "mill");
        var (build, _) = await RunningAsync(server, builder);
        await builder.VanishAsync();
        builder.Engines.Clear();
        await builder.AttachAsync();

        await TickAsync(server, TimeSpan.FromSeconds(11));

        Assert.Equal("failed: builder lost: mill restarted during the build", await server.StatusAsync(build));
    }

    [Fact]
    public async Task A_builder_that_comes_back_hears_which_of_its_builds_are_over_and_which_engines_nobody_knows()
    {
        await using var server = await TestServer.StartAsync(_clock);
        await using var builder = await FakeBuilder.AttachedAsync(server);
        var (build, lease) = await RunningAsync(server, builder);
        await builder.VanishAsync();
        await server.Builds().FinishBuildAsync(new FinishBuildRequest { BuildId = build, Success = new() });
        builder.Engines["unknown"] = new StartEngine { LeaseId = "unknown", ProjectId = "p", Architecture = "amd64" };

        await builder.AttachAsync(new RunningBuild { BuildId = build, LeaseId = lease });

        Assert.Equal("unknown", (await builder.HearAsync(message => message.StopEngine is not null)).StopEngine.LeaseId);
        Assert.Equal(build, (await builder.HearAsync(message => message.RevokeBuild is not null)).RevokeBuild.BuildId);
    }

    [Fact]
    public async Task An_engine_lost_under_a_build_is_told_at_once()
    {
        await using var server = await TestServer.StartAsync(_clock);
        await using var builder = await FakeBuilder.AttachedAsync(server);
        var (build, lease) = await RunningAsync(server, builder);
        await builder.EndedAsync(build, lease, Outcome.EngineLost, "killed");

        await TickAsync(server, TimeSpan.FromSeconds(1));

        Assert.Equal("failed: the engine stopped under the build: killed", await server.StatusAsync(build));
    }

    [Fact]
    public async Task Without_a_builder_for_its_architecture_a_build_fails_after_a_minute_and_says_why()
    {
        await using var server = await TestServer.StartAsync(_clock);
        await using var builder = await FakeBuilder.AttachedAsync(server, "mill");
        var (build, token) = await server.CreateBuildAsync();
        var client = server.Builds(token);
        var request = new GetBuildKitConnectionRequest { BuildId = build, Platform = BuilderPlatform.Arm64 };
        var asking = AskUntilAnsweredAsync(client, request);

        await TestWait.UntilAsync(async () =>
        {
            _clock.Advance(TimeSpan.FromSeconds(3));
            await builder.BeatAsync();
            return asking.IsCompleted;
        });

        var refused = await Assert.ThrowsAsync<RpcException>(() => asking);
        Assert.Equal(
            "no builder can serve linux/arm64 (connected: mill (amd64)); start one on a machine of that architecture: slipway builder --server URL --join TOKEN"
                + "; or let one that is there emulate it: apt-get install qemu-user-static binfmt-support on its machine, then restart its slipway",
            refused.Status.Detail);
        Assert.Equal($"failed: {refused.Status.Detail}", await server.StatusAsync(build));
    }

    [Fact]
    public async Task With_emulation_off_no_builder_of_another_architecture_serves()
    {
        await using var server = await TestServer.StartAsync(_clock, emulation: false);
        await using var builder = await FakeBuilder.EnrollAsync(server, "mill");
        builder.Emulated.Add("arm64");
        await builder.AttachAsync();
        var (build, token) = await server.CreateBuildAsync();
        var asking = AskUntilAnsweredAsync(server.Builds(token), new() { BuildId = build, Platform = BuilderPlatform.Arm64 });

        await TestWait.UntilAsync(async () =>
        {
            _clock.Advance(TimeSpan.FromSeconds(3));
            await builder.BeatAsync();
            return asking.IsCompleted;
        });

        Assert.EndsWith("; or let the server emulate it: --emulation on", (await Assert.ThrowsAsync<RpcException>(() => asking)).Status.Detail);
    }

    [Fact]
    public async Task An_engine_that_never_answers_fails_after_two_minutes()
    {
        await using var server = await TestServer.StartAsync(_clock);
        await using var builder = await FakeBuilder.AttachedAsync(server, "mill");
        builder.AnswersStart = false;
        var (build, token) = await server.CreateBuildAsync();
        var asking = AskUntilAnsweredAsync(server.Builds(token), new() { BuildId = build, Platform = BuilderPlatform.Amd64 });
        await builder.HearAsync(message => message.StartEngine is not null);

        await TestWait.UntilAsync(async () =>
        {
            _clock.Advance(TimeSpan.FromSeconds(3));
            await builder.BeatAsync();
            return asking.IsCompleted;
        });

        var refused = await Assert.ThrowsAsync<RpcException>(() => asking);
        Assert.Equal("builder mill could not start the engine: no answer within 2 minutes", refused.Status.Detail);
    }

    [Fact]
    public async Task A_builder_without_heartbeats_is_detached()
    {
        await using var server = await TestServer.StartAsync(_clock);
        await using var builder = await FakeBuilder.AttachedAsync(server);

        await TestWait.UntilAsync(async () =>
        {
            _clock.Advance(TimeSpan.FromSeconds(5));
            return !(await server.Admin().ListBuildersAsync(new ListBuildersRequest())).Builders.Single().Connected;
        });
    }

    private static async Task<GetBuildKitConnectionResponse> AskUntilAnsweredAsync(
        BuildService.BuildServiceClient client, GetBuildKitConnectionRequest request)
    {
        while (true)
        {
            var answer = await client.GetBuildKitConnectionAsync(request);
            if (answer.Active is not null)
            {
                return answer;
            }
        }
    }

    // Builders send a heartbeat at least every five seconds; no step here is longer than what one missed may take.
    private async Task TickAsync(TestServer server, TimeSpan passed)
    {
        _clock.Advance(passed);
        await server.Service<BuildReaper>().TickAsync(default);
    }

    private static async Task<(string Build, string Lease)> RunningAsync(TestServer server, FakeBuilder builder)
    {
        var (build, token) = await server.CreateBuildAsync();
        var answer = await server.Builds(token).GetBuildKitConnectionAsync(
            new GetBuildKitConnectionRequest { BuildId = build, Platform = BuilderPlatform.Amd64 });
        var lease = answer.Active.ServerName.Split('.')[0];
        await builder.ConnectedAsync(build, lease);
        await TestWait.UntilAsync(() => server.Service<BuildStore>().ListAdmissions(build).Single().ConnectedAt is not null);
        return (build, lease);
    }
}
