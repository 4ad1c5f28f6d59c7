using System.Text.Json;

namespace Slipway.AcceptanceTests;

/// <summary>OCI layouts of this machine: caches and images that the builder writes into folders here.</summary>
public sealed class LayoutTests(Site site)
{
    /// <summary>A cache that our client wrote serves buildx on another engine, and the other way round.</summary>
    [Fact]
    public async Task A_local_cache_goes_from_engine_to_engine()
    {
        foreach (var ours in new[] { true, false })
        {
            using var work = new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\nRUN cat /proc/sys/kernel/random/uuid > /made # {Guid.NewGuid()}\n");
            string[] Build(string name, params string[] more) => ["build", "--progress=plain", "-o", $"type=local,dest={work[name]}", .. more, work.Path];
            await BuildAsync(ours, Build("first", "--cache-to", $"type=local,dest={work["cache"]},mode=max"));
            var second = await BuildAsync(!ours, Build("second", "--cache-from", $"type=local,src={work["cache"]}"));
            Assert.Contains("importing cache manifest from local:", second.Error);
            Assert.Equal(await File.ReadAllTextAsync(work["first/made"]), await File.ReadAllTextAsync(work["second/made"]));
        }
    }

    [Fact]
    public async Task An_image_goes_into_a_layout_and_into_Docker_and_out_of_the_layout_into_another_build()
    {
        using var work = new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\nRUN cat /proc/sys/kernel/random/uuid > /made\n")
            .With("next/Dockerfile", "FROM layout\nCOPY --from=layout /made /again\n");
        var tag = $"layout-{Guid.NewGuid():N}:1";
        (await site.DepotAsync(
            "build", "--no-cache", "-t", tag, "--load", "-o", $"type=oci,tar=false,dest={work["layout"]}", "--metadata-file", work["metadata"], work.Path)).MustSucceed();
        using var metadata = JsonDocument.Parse(await File.ReadAllBytesAsync(work["metadata"]));
        using var index = JsonDocument.Parse(await File.ReadAllBytesAsync(work["layout/index.json"]));
        var entry = index.RootElement.GetProperty("manifests").EnumerateArray().Single();
        Assert.Equal(metadata.RootElement.GetProperty("containerimage.digest").GetString(), entry.GetProperty("digest").GetString());
        Assert.Equal($"docker.io/library/{tag}", entry.GetProperty("annotations").GetProperty("io.containerd.image.name").GetString());

        (await site.DepotAsync("build", "--build-context", $"layout=oci-layout://{work["layout"]}:1", "-o", work["out"], work["next"])).MustSucceed();
        var loaded = (await site.DockerAsync("run", "--rm", tag, "cat", "/made")).MustSucceed();
        Assert.Equal(loaded.Output, await File.ReadAllTextAsync(work["out/again"]));
    }

    [Fact]
    public async Task A_mirrored_folder_holds_the_result_and_nothing_else()
    {
        using var work = new WorkFolder().With("Dockerfile", "FROM scratch\nCOPY new /new\nCOPY new /kept/new\n").With("new", "new")
            .With("out/old", "x").With("out/kept/old", "x").With("out/gone/deep/old", "x").With("out/new", "old").With("outside/file", "x");
        File.CreateSymbolicLink(work["out/link"], work["outside"]);
        var refused = await site.DepotAsync("build", "-o", $"type=local,dest={work["out"]},mode=delete", work.Path);
        Assert.Contains("requires --allow=buildx.local.delete", refused.Error);
        (await site.DepotAsync("build", "-o", $"type=local,dest={work["out"]},mode=delete", "--allow", "buildx.local.delete", work.Path)).MustSucceed();
        Assert.Equal(["kept", "kept/new", "new"], Directory.GetFileSystemEntries(work["out"], "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(work["out"], path)).Order(StringComparer.Ordinal));
        Assert.Equal("new", await File.ReadAllTextAsync(work["out/new"]));
        Assert.True(File.Exists(work["outside/file"]));
    }

    private async Task<CommandResult> BuildAsync(bool ours, string[] arguments) =>
        (await (ours ? site.StartDepot(arguments) : RunningCommand.Start(Parts.Buildx, arguments, site.With(null))).WaitAsync()).MustSucceed();
}
