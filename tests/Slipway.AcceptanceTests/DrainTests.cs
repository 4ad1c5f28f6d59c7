using System.Text.Json;

namespace Slipway.AcceptanceTests;

/// <summary>Builders that are taken out of service while somebody builds on them.</summary>
public sealed class DrainTests(Site site)
{
    [Fact]
    public async Task A_drained_builder_finishes_what_runs_and_takes_nothing_new_until_it_is_told_to()
    {
        await using var fleet = await Fleet.StartAsync(site);
        using var context = Context("RUN sleep 10 && echo finished-$((40+2))");
        await using var running = fleet.StartDepot("build", "--progress=plain", context.Path);
        await running.SaysAsync("RUN sleep 10");
        using var builders = JsonDocument.Parse((await fleet.AdminAsync("builder", "list", "--json")).MustSucceed().Output);
        var builder = builders.RootElement.GetProperty("builders")[0];
        var (id, name) = (builder.GetProperty("id").GetString()!, builder.GetProperty("name").GetString());

        var drained = (await fleet.AdminAsync("builder", "drain", id)).MustSucceed();

        Assert.Equal($"builder {name} takes nothing new; builds that still run there: 1\n", drained.Output);
        Assert.Contains("connected, draining", (await fleet.AdminAsync("builder", "list")).MustSucceed().Output);
        Assert.Contains("finished-42", (await running.WaitAsync()).MustSucceed().Error);
        using var next = Context("RUN echo next");
        await using var waiting = fleet.StartDepot("build", "--progress=plain", next.Path);
        await waiting.SaysAsync("[depot] launching amd64 machine".Replace("amd64", builder.GetProperty("architectures")[0].GetString()));
        Assert.Equal($"builder {name} takes new builds again\n", (await fleet.AdminAsync("builder", "drain", id, "--undo")).MustSucceed().Output);
        (await waiting.WaitAsync()).MustSucceed();
    }

    [Fact]
    public async Task A_builder_that_is_told_to_stop_lets_its_build_finish_and_ends_well()
    {
        await using var fleet = await Fleet.StartAsync(site);
        using var context = Context("RUN sleep 8 && echo finished-$((40+2))");
        await using var running = fleet.StartDepot("build", "--progress=plain", context.Path);
        await running.SaysAsync("RUN sleep 8");

        fleet.Builder!.Signal(PosixSignalNumber.Terminate);

        var built = (await running.WaitAsync()).MustSucceed();
        Assert.Contains("finished-42", built.Error);
        (await fleet.Builder.WaitAsync(TimeSpan.FromMinutes(1))).MustSucceed();
        Assert.Contains(",finished,", await Records.FinalRowAsync(() => fleet.DepotAsync("list", "builds"), Records.BuildIdOf(built)));
    }

    [Fact]
    public async Task A_second_signal_ends_the_builder_at_once_and_the_build_says_so()
    {
        await using var fleet = await Fleet.StartAsync(site);
        using var context = Context("RUN sleep 300");
        await using var running = fleet.StartDepot("build", "--progress=plain", context.Path);
        await running.SaysAsync("RUN sleep 300");

        fleet.Builder!.Signal(PosixSignalNumber.Terminate);
        await Task.Delay(500);
        fleet.Builder.Signal(PosixSignalNumber.Terminate);

        (await fleet.Builder.WaitAsync(TimeSpan.FromMinutes(1))).MustFail();
        var ended = (await running.WaitAsync(TimeSpan.FromMinutes(1))).MustFail();
        Assert.DoesNotContain("   at ", ended.Error);
        Assert.Contains(",failed,", await Records.FinalRowAsync(() => fleet.DepotAsync("list", "builds"), Records.BuildIdOf(ended)));
    }

    private WorkFolder Context(string instruction) =>
        new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\n{instruction} # {Guid.NewGuid():N}\n");
}
