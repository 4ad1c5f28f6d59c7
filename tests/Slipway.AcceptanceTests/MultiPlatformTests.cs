using System.Text.Json;

namespace Slipway.AcceptanceTests;

/// <summary>The spec's command for two platforms, on two builders and on one that emulates; this machine's other architecture runs in qemu.</summary>
public sealed class MultiPlatformTests(Site site)
{
    private const string Both = "linux/amd64,linux/arm64";

    [Fact]
    public async Task Two_builders_make_one_image_and_one_platform_of_it_loads()
    {
        await using var fleet = await Fleet.StartAsync(site, "--architecture", "amd64", "--bridge-pool", "10.230.0.0/16");
        await fleet.StartSecondBuilderAsync("--architecture", "arm64", "--bridge-pool", "10.231.0.0/16");
        using var context = await ContextAsync(fleet.DepotAsync, "two");
        var (first, latest) = ($"{site.Registry}/two:1", $"{site.Registry}/two:latest");
        var built = await fleet.DepotAsync("build", "--progress=plain", "--platform", Both, "-t", first, "-t", latest, "--push", "--load", context.Path);
        Assert.Contains("[depot] connecting to amd64 machine", built.MustSucceed().Error);
        Assert.Contains("[depot] connecting to arm64 machine", built.Error);
        Assert.Contains($"merging manifest list {first},{latest}", built.Error);
        Assert.Contains($"[depot] loading {OwnPlatform} of {Both}", built.Error);
        Assert.Equal(await ManifestAsync("two", "1"), await ManifestAsync("two", "latest"));
        AssertHoldsBothWithAttestations(await ManifestAsync("two", "1"));
        Assert.Equal(OwnMachine, (await site.DockerAsync("run", "--rm", first)).MustSucceed().Output.Trim());
        await AssertFilesAsync(fleet.DepotAsync, context);
        await AssertArchivesAsync(fleet.DepotAsync, context);
    }

    /// <summary>Archives of both builders' shares: an OCI image of both platforms, which Docker loads, and the files of both.</summary>
    private async Task AssertArchivesAsync(Func<string[], Task<CommandResult>> depot, WorkFolder context)
    {
        using var output = new WorkFolder();
        (await depot(["build", "--platform", Both, "-t", "both:1", "-o", $"type=oci,dest={output["image.tar"]}", "-o", $"type=tar,dest={output["files.tar"]}",
            "--metadata-file", output["metadata"], context.Path])).MustSucceed();
        Assert.Equal(["files.tar", "image.tar", "metadata"], Directory.GetFileSystemEntries(output.Path).Select(Path.GetFileName).Order());
        (await RunningCommand.Start("tar", ["-C", output.Path, "-xf", output["files.tar"], "linux_amd64/machine", "linux_arm64/machine"]).WaitAsync()).MustSucceed();
        Assert.Equal("x86_64\n", await File.ReadAllTextAsync(output["linux_amd64/machine"]));
        Assert.Equal("aarch64\n", await File.ReadAllTextAsync(output["linux_arm64/machine"]));

        (await RunningCommand.Start("tar", ["-C", output.Path, "-xf", output["image.tar"]]).WaitAsync()).MustSucceed();
        using var index = JsonDocument.Parse(await File.ReadAllBytesAsync(output["index.json"]));
        var digest = index.RootElement.GetProperty("manifests").EnumerateArray().Single().GetProperty("digest").GetString()!;
        using var metadata = JsonDocument.Parse(await File.ReadAllBytesAsync(output["metadata"]));
        Assert.Equal(digest, metadata.RootElement.GetProperty("containerimage.digest").GetString());
        AssertHoldsBothWithAttestations(await File.ReadAllTextAsync(output[$"blobs/sha256/{digest["sha256:".Length..]}"]));
        (await site.DockerAsync("load", "--input", output["image.tar"])).MustSucceed();
        Assert.Equal(OwnMachine, (await site.DockerAsync("run", "--rm", "both:1")).MustSucceed().Output.Trim());
    }

    [Fact]
    public async Task One_builder_emulates_what_no_builder_has_and_says_so()
    {
        using var context = await ContextAsync(site.DepotAsync, "one");
        var image = $"{site.Registry}/one:1";
        var built = await site.DepotAsync("build", "--progress=plain", "--platform", Both, "-t", image, "--push", context.Path);
        Assert.Matches(@"\[depot\] emulating (arm64 on an amd64|amd64 on an arm64) machine", built.MustSucceed().Error);
        Assert.DoesNotContain("merging manifest list", built.Error);
        AssertHoldsBothWithAttestations(await ManifestAsync("one", "1"));
        await AssertFilesAsync(site.DepotAsync, context);
    }

    private static string OwnMachine => IsArm64 ? "aarch64" : "x86_64";

    private static string OwnPlatform => IsArm64 ? "linux/arm64" : "linux/amd64";

    private static bool IsArm64 => System.Runtime.InteropServices.RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm64;

    /// <summary>A Dockerfile whose base image, pushed first, has both platforms.</summary>
    private async Task<WorkFolder> ContextAsync(Func<string[], Task<CommandResult>> depot, string name)
    {
        using var folder = new WorkFolder();
        var own = IsArm64 ? "arm64" : "amd64";
        (await RunningCommand.Start(Path.Combine(Parts.Root, "eng/base-images.sh"), [folder[own]]).WaitAsync()).MustSucceed();
        (await RunningCommand.Start(Path.Combine(Parts.Root, "eng/base-images.sh"), [folder[IsArm64 ? "amd64" : "arm64"], "--foreign"]).WaitAsync()).MustSucceed();
        folder.With("Dockerfile", "FROM scratch\nARG TARGETARCH\nCOPY ${TARGETARCH}/rootfs /\nENV PATH=/bin\n");
        (await depot(["build", "--platform", Both, "-t", $"{site.Registry}/base-{name}:1", "--push", folder.Path])).MustSucceed();
        return new WorkFolder().With(
            "Dockerfile", $"FROM {site.Registry}/base-{name}:1\nRUN uname -m > /machine\nCOPY file /file\nCMD [\"/bin/cat\", \"/machine\"]\n").With("file", "x");
    }

    private static async Task AssertFilesAsync(Func<string[], Task<CommandResult>> depot, WorkFolder context)
    {
        using var output = new WorkFolder();
        (await depot(["build", "--platform", Both, "-o", output.Path, context.Path])).MustSucceed();
        Assert.Equal("x86_64\n", await File.ReadAllTextAsync(output["linux_amd64/machine"]));
        Assert.Equal("aarch64\n", await File.ReadAllTextAsync(output["linux_arm64/machine"]));
    }

    private async Task<string> ManifestAsync(string repository, string tag)
    {
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Accept.ParseAdd("application/vnd.oci.image.index.v1+json");
        return await http.GetStringAsync(new Uri($"http://{site.Registry}/v2/{repository}/manifests/{tag}"));
    }

    private static void AssertHoldsBothWithAttestations(string index)
    {
        using var document = JsonDocument.Parse(index);
        var entries = document.RootElement.GetProperty("manifests").EnumerateArray().ToList();
        Assert.Equal(
            ["amd64", "arm64", "unknown", "unknown"],
            entries.Select(entry => entry.GetProperty("platform").GetProperty("architecture").GetString()).Order(StringComparer.Ordinal));
        Assert.Equal(
            2, entries.Count(entry => entry.TryGetProperty("annotations", out var annotations)
                && annotations.TryGetProperty("vnd.docker.reference.type", out var type) && type.GetString() == "attestation-manifest"));
    }
}
