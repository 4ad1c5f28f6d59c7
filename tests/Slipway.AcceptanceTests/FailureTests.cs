namespace Slipway.AcceptanceTests;

/// <summary>Parts that die under a running build.</summary>
public sealed class FailureTests(Site site)
{
    [Fact]
    public async Task A_server_that_is_killed_and_started_again_does_not_disturb_a_running_build()
    {
        await using var fleet = await Fleet.StartAsync(site);
        using var context = Context($"RUN sleep 8 && echo survived-$((40+2)) # {Guid.NewGuid():N}");
        await using var running = fleet.StartDepot("build", "--progress=plain", context.Path);
        await running.SaysAsync("RUN sleep 8");
        fleet.Server!.Signal(PosixSignalNumber.Kill);
        await fleet.Server.WaitAsync();
        await fleet.StartServerAsync();

        var build = Records.BuildIdOf((await running.WaitAsync()).MustSucceed());
        Assert.Contains(",finished,", await Records.FinalRowAsync(() => fleet.DepotAsync("list", "builds"), build));
        var log = await Records.EventuallyAsync(
            () => fleet.AdminAsync("build", "logs", build), log => log.Output.Contains("survived-42", StringComparison.Ordinal));
        Assert.Single(log.Output.Split('\n'), line => line.EndsWith("survived-42", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_builder_that_vanishes_fails_the_build_with_a_clear_error()
    {
        await using var fleet = await Fleet.StartAsync(site);
        using var context = Context($"RUN sleep 300 # {Guid.NewGuid():N}");
        await using var running = fleet.StartDepot("build", "--progress=plain", context.Path);
        await running.SaysAsync("RUN sleep 300");
        fleet.Builder!.Signal(PosixSignalNumber.Kill);

        var result = (await running.WaitAsync(TimeSpan.FromSeconds(60))).MustFail();
        Assert.Contains("builder", result.Error);
        Assert.DoesNotContain("   at ", result.Error);
        Assert.Contains(",failed,", await Records.FinalRowAsync(() => fleet.DepotAsync("list", "builds"), Records.BuildIdOf(result)));

        await fleet.StartBuilderAsync();
        using var again = Context("RUN echo back again");
        (await fleet.DepotAsync("build", again.Path)).MustSucceed();
    }

    [Fact]
    public async Task A_builder_that_hangs_fails_the_build_within_a_minute()
    {
        await using var fleet = await Fleet.StartAsync(site);
        using var context = Context($"RUN sleep 300 # {Guid.NewGuid():N}");
        await using var running = fleet.StartDepot("build", "--progress=plain", context.Path);
        await running.SaysAsync("RUN sleep 300");
        fleet.Builder!.Signal(PosixSignalNumber.Stop);

        var result = (await running.WaitAsync(TimeSpan.FromSeconds(60))).MustFail();
        Assert.Contains(",failed,", await Records.FinalRowAsync(() => fleet.DepotAsync("list", "builds"), Records.BuildIdOf(result)));
    }

    [Fact]
    public async Task An_engine_that_is_missing_or_too_old_is_named()
    {
        using var old = new WorkFolder().With("dockerd", "#!/bin/sh\necho 'Docker version 20.10.24+dfsg1, build 297e128'\n");
        File.SetUnixFileMode(old["dockerd"], UnixFileMode.UserRead | UnixFileMode.UserExecute);
        foreach (var (engine, words) in new[] { (old["dockerd"], "20.10.24"), ("/nowhere/buildkitd", "/nowhere/buildkitd") })
        {
            using var folder = new WorkFolder();
            var result = await RunningCommand.Start(
                Parts.Slipway, ["up", "--data", folder["data"], "--listen", $"127.0.0.1:{Parts.FreePort()}", "--builder-engine", engine]).WaitAsync(TimeSpan.FromSeconds(60));
            result.MustFail();
            Assert.Contains(words, result.Error);
            Assert.DoesNotContain("   at ", result.Error);
        }
    }

    private WorkFolder Context(string instruction) => new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\n{instruction}\n");
}
