namespace Slipway.AcceptanceTests;

/// <summary>An image in the local Docker: what Docker has already does not travel again, whichever way it keeps images.</summary>
public sealed class LoadTests(Site site)
{
    [Fact]
    public Task Containerds_store_gets_a_changed_layer_alone() => AChangedLayerTravelsAloneAsync(site.DockerHost, "docker.io/library/");

    [Fact]
    public async Task The_classic_store_gets_a_changed_layer_alone()
    {
        using var folder = new WorkFolder("classic");
        var script = Path.Combine(Parts.Root, "eng/dev-docker.sh");
        var started = (await RunningCommand.Start(script, ["start", folder.Path, "--classic"]).WaitAsync()).MustSucceed();
        try
        {
            await AChangedLayerTravelsAloneAsync(started.Output.Split('\n').Single(line => line.StartsWith("DOCKER_HOST=", StringComparison.Ordinal))["DOCKER_HOST=".Length..], "");
        }
        finally
        {
            await RunningCommand.Start(script, ["stop", folder.Path]).WaitAsync();
        }
    }

    [Fact]
    public async Task One_build_pushes_and_loads()
    {
        using var context = Context(Guid.NewGuid(), "both");
        var image = $"{site.Registry}/both:{Guid.NewGuid():N}";
        (await site.DepotAsync("build", "-t", image, "--push", "--load", context.Path)).MustSucceed();
        var run = await site.DockerAsync("run", "--rm", "--pull=never", image);
        Assert.Equal("both\n", run.MustSucceed().Output);
        (await site.DockerAsync("rmi", image)).MustSucceed();
        Assert.Equal("both\n", (await site.DockerAsync("run", "--rm", image)).MustSucceed().Output);
    }

    [Fact]
    public async Task Many_large_layers_arrive_however_the_engine_takes_turns_with_them()
    {
        // More than the engine sends at once, each larger than what may wait for its turn in the archive.
        using var context = new WorkFolder();
        var layers = Enumerable.Range(0, 7).ToList();
        foreach (var layer in layers)
        {
            var contents = new byte[12 * 1024 * 1024];
            new Random(layer).NextBytes(contents);
            await File.WriteAllBytesAsync(context[$"layer-{layer}"], contents);
        }

        context.With("Dockerfile", $"FROM {site.BaseImage}\n{string.Concat(layers.Select(layer => $"COPY layer-{layer} /\n"))}CMD [\"ls\", \"/\"]\n");
        var image = $"large-{Guid.NewGuid():N}:1";
        (await site.DepotAsync("build", "-t", image, "--load", context.Path)).MustSucceed();
        Assert.Contains("layer-6", (await site.DockerAsync("run", "--rm", image)).MustSucceed().Output);
    }

    [Fact]
    public async Task An_image_that_Docker_has_under_another_name_gets_the_new_name()
    {
        using var context = Context(Guid.NewGuid(), "named");
        (await site.DepotAsync("build", "-t", "named:one", "--load", context.Path)).MustSucceed();
        var second = await site.DepotAsync("build", "--progress=plain", "-t", "named:two", "-t", "named:three", "--load", context.Path);
        Assert.Contains("4 of 4 layers were in Docker already; 0B sent", second.MustSucceed().Error);
        Assert.Equal("named\n", (await site.DockerAsync("run", "--rm", "named:two")).MustSucceed().Output);
        Assert.Equal("named\n", (await site.DockerAsync("run", "--rm", "named:three")).MustSucceed().Output);
    }

    private async Task AChangedLayerTravelsAloneAsync(string dockerHost, string namespaceOfNames)
    {
        var environment = new Dictionary<string, string?> { ["DOCKER_HOST"] = dockerHost };
        var (build, image) = (Guid.NewGuid(), $"thin-{Guid.NewGuid():N}:1");
        foreach (var contents in new[] { "first", "second" })
        {
            using var context = Context(build, contents);
            var built = (await site.StartDepot(["build", "--progress=plain", "-t", $"{namespaceOfNames}{image}", "--load", context.Path], environment).WaitAsync()).MustSucceed();
            Assert.Contains("importing to docker", built.Error);
            if (contents == "second")
            {
                Assert.Matches(@"3 of 4 layers were in Docker already; \d+B sent", built.Error);
            }

            var run = await RunningCommand.Start("docker", ["run", "--rm", image], environment).WaitAsync();
            Assert.Equal(contents + "\n", run.MustSucceed().Output);
        }
    }

    /// <summary>A base, a large layer that compression cannot make small, a smaller one, and a file that changes.</summary>
    private WorkFolder Context(Guid build, string contents) => new WorkFolder().With("file", contents + "\n").With("Dockerfile", $"""
        FROM {site.BaseImage}
        RUN dd if=/dev/urandom of=/large bs=1M count=6 && echo {build}
        RUN dd if=/dev/urandom of=/small bs=1k count=10
        COPY file /file
        CMD ["cat", "/file"]

        """);
}
