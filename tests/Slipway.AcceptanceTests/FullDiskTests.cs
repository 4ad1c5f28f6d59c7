namespace Slipway.AcceptanceTests;

/// <summary>A builder whose caches lie on a small file system.</summary>
public sealed class FullDiskTests(Site site) : IAsyncLifetime
{
    private readonly WorkFolder _folder = new("disk");

    private string Disk => _folder["b"];

    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(Disk);
        await MustRunAsync("mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", Disk);
    }

    public async ValueTask DisposeAsync()
    {
        await RunningCommand.Start("umount", ["--lazy", Disk]).WaitAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_build_that_fills_the_disk_fails_plainly_and_neither_its_neighbour_nor_its_successor_notices()
    {
        await using var fleet = await Fleet.StartAsync(site, Disk, []);
        var neighbour = await NewProjectAsync(fleet);
        using var small = Context("RUN echo small > /word");
        (await fleet.DepotAsync("build", "--project", neighbour, small.Path)).MustSucceed();
        using var slow = Context("RUN sleep 15 && echo done > /word");
        await using var running = fleet.StartDepot("build", "--project", neighbour, "--progress=plain", slow.Path);
        await running.SaysAsync("RUN sleep 15");

        using var large = Context("RUN dd if=/dev/zero of=/large bs=1M count=2000");
        var full = (await fleet.DepotAsync("build", "--progress=plain", large.Path)).MustFail();

        Assert.Matches("\nno space left on builder cache \\(limit [0-9.]+[kMG]B\\): run \"depot cache reset\", or give the builder a larger disk\n$", full.Error);
        Assert.DoesNotContain("   at ", full.Error);
        Assert.Contains(",failed,", await Records.FinalRowAsync(() => fleet.DepotAsync("list", "builds"), Records.BuildIdOf(full)));
        (await running.WaitAsync()).MustSucceed();
        (await fleet.DepotAsync("build", small.Path)).MustSucceed();
    }

    [Fact]
    public async Task No_engine_is_started_on_a_full_disk_and_one_is_as_soon_as_there_is_space()
    {
        await using var fleet = await Fleet.StartAsync(site, Disk, []);
        using var context = Context("RUN echo small > /word");
        await RunningCommand.Start("dd", ["if=/dev/zero", $"of={Disk}/ballast", "bs=1M", "count=395"]).WaitAsync();

        var refused = (await fleet.DepotAsync("build", context.Path)).MustFail();
        Assert.Matches("no space left for builds in \\S+ \\([0-9]+ MiB free\\); run \"depot cache reset\" or free space", refused.Error);
        Assert.Contains(",failed,", await Records.FinalRowAsync(() => fleet.DepotAsync("list", "builds"), Records.BuildIdOf(refused)));

        File.Delete($"{Disk}/ballast");
        (await fleet.DepotAsync("build", context.Path)).MustSucceed();
    }

    private static async Task<string> NewProjectAsync(Fleet fleet)
    {
        var made = await fleet.AdminAsync("project", "create", "neighbour");
        return made.MustSucceed().Output.Trim();
    }

    private WorkFolder Context(string step) => new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\n{step}\n");

    private static async Task MustRunAsync(string program, params string[] arguments) =>
        (await RunningCommand.Start(program, arguments).WaitAsync()).MustSucceed();
}
