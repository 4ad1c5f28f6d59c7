using System.Text.Json;

namespace Slipway.AcceptanceTests;

/// <summary>`imagetools`, ours and buildx's, on the same images of the same registry.</summary>
public sealed class ImageToolsTests(Site site)
{
    [Fact]
    public async Task What_it_prints_and_pushes_is_what_buildx_prints_and_pushes()
    {
        var (one, two) = await PushAsync();
        string[][] commands =
        [
            ["inspect", one], ["inspect", two], ["inspect", "--raw", two], ["inspect", "--format", "{{json .}}", one], ["inspect", "--format", "{{json .Manifest}}", two],
            ["inspect", "--format", "{{.Manifest.Digest}}", two], ["inspect", "--format", "{{json .Image}}", two], ["inspect", "--format", "{{.Name}}", two],
            ["inspect", "--format", "{{.Image.Architecture}} of {{.Name}}", two], ["inspect", $"{site.Registry}/nothing:1"],
            ["create"], ["create", one], ["create", "--dry-run", one], ["create", "--dry-run", two], ["create", "--dry-run", "--prefer-index=false", two],
            ["create", "--dry-run", one, two], ["create", "--dry-run", "-t", two, "--append", one], ["create", "--dry-run", "-p", "linux/arm64", one],
            ["create", "--dry-run", "-p", "linux/amd64", one, two], ["create", "--dry-run", "--annotation", "index:a=b", one],
            ["create", "--dry-run", "--annotation", "manifest-descriptor[linux/amd64]:a=b", one], ["create", "--dry-run", "--annotation", "a=b", one],
            ["create", "--dry-run", "--annotation", "index-descriptor:a=b", one], ["create", "--dry-run", $"sha256:{new string('0', 64)}"],
        ];
        var differences = new List<string>();
        foreach (var command in commands)
        {
            var theirs = await RunAsync(Parts.Buildx, command);
            var ours = await RunAsync(Parts.Depot, command);
            if ((theirs.ExitCode, Comparable(theirs.Output), theirs.Error) != (ours.ExitCode, Comparable(ours.Output), ours.Error))
            {
                differences.Add($"imagetools {string.Join(' ', command)}: buildx\n{theirs.Output}{theirs.Error}[{theirs.ExitCode}] and ours\n{ours.Output}{ours.Error}[{ours.ExitCode}]");
            }
        }

        Assert.True(differences.Count == 0, string.Join("\n\n", differences));
        (await RunAsync(Parts.Buildx, "create", "-t", $"{one}-theirs", one, two)).MustSucceed();
        (await RunAsync(Parts.Depot, "create", "-t", $"{one}-ours", one, two)).MustSucceed();
        Assert.Equal((await RunAsync(Parts.Depot, "inspect", "--raw", $"{one}-theirs")).Output, (await RunAsync(Parts.Depot, "inspect", "--raw", $"{one}-ours")).Output);
    }

    [Fact]
    public async Task An_image_is_copied_to_another_repository_and_to_another_registry()
    {
        var (one, _) = await PushAsync();
        using var folder = new WorkFolder("registry");
        var port = Parts.FreePort();
        var script = Path.Combine(Parts.Root, "eng/registry.sh");
        (await RunningCommand.Start(script, ["start", folder.Path, $"{port}"]).WaitAsync()).MustSucceed();
        try
        {
            string[] copies = [$"{site.Registry}/copied/{Guid.NewGuid():N}:1", $"localhost:{port}/copied:1"];
            (await RunAsync(Parts.Depot, "create", "-t", copies[0], "-t", copies[1], one)).MustSucceed();
            foreach (var copy in copies)
            {
                Assert.Equal("copied\n", (await site.DockerAsync("run", "--rm", "--pull=always", "--quiet", copy)).MustSucceed().Output);
            }

            using var provenance = JsonDocument.Parse((await RunAsync(Parts.Depot, "inspect", "--format", "{{json .Provenance}}", copies[1])).MustSucceed().Output);
            Assert.True(provenance.RootElement.GetProperty("SLSA").TryGetProperty("buildType", out _) || provenance.RootElement.GetProperty("SLSA").TryGetProperty("buildDefinition", out _));
        }
        finally
        {
            await RunningCommand.Start(script, ["stop", folder.Path]).WaitAsync();
        }
    }

    /// <summary>buildx's table has annotations in another order every time.</summary>
    private static string Comparable(string output) =>
        output.StartsWith("Name:", StringComparison.Ordinal) ? string.Join('\n', output.Split('\n').Order(StringComparer.Ordinal)) : output;

    private async Task<(string Attested, string Plain)> PushAsync()
    {
        using var context = new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\nRUN echo copied > /word\nCMD [\"cat\", \"/word\"]\n");
        var images = (Attested: $"{site.Registry}/tools-{Guid.NewGuid():N}:1", Plain: $"{site.Registry}/tools-{Guid.NewGuid():N}:plain");
        (await site.DepotAsync("build", "--push", "-t", images.Attested, context.Path)).MustSucceed();
        (await site.DepotAsync("build", "--push", "--provenance=false", "--label", "x=y", "-t", images.Plain, context.Path)).MustSucceed();
        return images;
    }

    private Task<CommandResult> RunAsync(string program, params string[] words) =>
        RunningCommand.Start(program, ["imagetools", .. words], site.With(new Dictionary<string, string?> { ["DOCKER_HOST"] = null })).WaitAsync();
}
