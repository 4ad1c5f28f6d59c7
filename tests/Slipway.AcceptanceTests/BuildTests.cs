using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Slipway.AcceptanceTests;

/// <summary>`depot build` all the way: our client, the server, the builder's proxy, a real BuildKit, and back.</summary>
public sealed class BuildTests(Site site)
{
    [Fact]
    public async Task A_loaded_image_runs_in_the_local_Docker_and_a_second_build_comes_from_the_cache()
    {
        using var context = Context("RUN echo built > /made", "CMD [\"/bin/cat\", \"/made\", \"/file\"]").With("file", "from the context\n");
        var first = await site.DepotAsync("build", "--progress=plain", "-t", "loaded:1", "--load", context.Path);
        first.MustSucceed();
        Assert.Contains("[depot] build: ", first.Error);
        Assert.Contains("[depot] connecting to amd64 machine", first.Error);
        var run = await site.DockerAsync("run", "--rm", "loaded:1");
        Assert.Equal("built\nfrom the context\n", run.MustSucceed().Output);

        var second = await site.DepotAsync("build", "--progress=plain", "-t", "loaded:1", "--load", context.Path);
        Assert.Contains("CACHED", second.MustSucceed().Error);
    }

    [Fact]
    public async Task A_pushed_image_stands_in_the_registry()
    {
        using var context = Context("RUN echo pushed > /made");
        var image = $"{site.Registry}/pushed:{Guid.NewGuid():N}";
        (await site.DepotAsync("build", "-t", image, "--push", "--label", "colour=green", context.Path)).MustSucceed();
        (await site.DockerAsync("pull", image)).MustSucceed();
        var inspected = await site.DockerAsync("inspect", "--format", "{{index .Config.Labels \"colour\"}}", image);
        Assert.Equal("green\n", inspected.MustSucceed().Output);
    }

    [Fact]
    public async Task Build_arguments_targets_secrets_and_files_to_ignore_arrive()
    {
        using var context = new WorkFolder()
            .With("Dockerfile", $"""
                FROM {site.BaseImage} AS wanted
                ARG COLOUR
                COPY . /context
                RUN --mount=type=secret,id=word sha256sum /run/secrets/word > /sum && echo "$COLOUR" > /colour && ls /context > /listing
                FROM {site.BaseImage} AS unwanted
                RUN false

                """)
            .With(".dockerignore", "*.log\n!keep.log\n")
            .With("drop.log", "x").With("keep.log", "x").With("secret.txt", "correct-horse-battery");
        using var output = new WorkFolder();
        var result = await site.StartDepot(
            ["build", "--target", "wanted", "--build-arg", "COLOUR=green", "--secret", $"id=word,src={context["secret.txt"]}",
                "-o", $"type=local,dest={output.Path}", context.Path]).WaitAsync();
        result.MustSucceed();
        Assert.Equal("green\n", await File.ReadAllTextAsync(output["colour"]));
        var listing = await File.ReadAllTextAsync(output["listing"]);
        Assert.Contains("keep.log", listing);
        Assert.DoesNotContain("drop.log", listing);
        Assert.StartsWith(Convert.ToHexStringLower(SHA256.HashData("correct-horse-battery"u8)), await File.ReadAllTextAsync(output["sum"]));
        Assert.DoesNotContain("correct-horse", result.Everything);
    }

    [Fact]
    public async Task A_secret_can_come_from_the_environment()
    {
        using var context = Context("RUN --mount=type=secret,id=WORD grep -q correct-.*-battery /run/secrets/WORD");
        var result = await site.StartDepot(
            ["build", "--secret", "id=WORD", context.Path], new Dictionary<string, string?> { ["WORD"] = "correct-horse-battery" }).WaitAsync();
        Assert.DoesNotContain("horse", result.MustSucceed().Everything);
    }

    [Fact]
    public async Task A_tar_archive_on_standard_input_is_a_context()
    {
        var archive = new MemoryStream();
        using (var writer = new TarWriter(archive, leaveOpen: true))
        {
            Entry(writer, "Dockerfile", $"FROM {site.BaseImage}\nCOPY word /word\n");
            Entry(writer, "word", "from a tar\n");
        }

        using var output = new WorkFolder();
        (await site.StartDepot(["build", "-o", output.Path, "-"], input: archive.ToArray()).WaitAsync()).MustSucceed();
        Assert.Equal("from a tar\n", await File.ReadAllTextAsync(output["word"]));
    }

    [Fact]
    public async Task A_Dockerfile_on_standard_input_needs_no_context()
    {
        using var output = new WorkFolder();
        var dockerfile = Encoding.UTF8.GetBytes($"FROM {site.BaseImage}\nRUN echo alone > /word\n");
        (await site.StartDepot(["build", "-o", output.Path, "-"], input: dockerfile).WaitAsync()).MustSucceed();
        Assert.Equal("alone\n", await File.ReadAllTextAsync(output["word"]));
    }

    [Fact]
    public async Task A_Dockerfile_on_standard_input_may_stand_beside_a_context_folder()
    {
        using var context = new WorkFolder().With("word", "beside\n");
        using var output = new WorkFolder();
        var dockerfile = Encoding.UTF8.GetBytes($"FROM {site.BaseImage}\nCOPY word /copied\n");
        (await site.StartDepot(["build", "-f", "-", "-o", output.Path, context.Path], input: dockerfile).WaitAsync()).MustSucceed();
        Assert.Equal("beside\n", await File.ReadAllTextAsync(output["copied"]));
    }

    [Theory]
    [InlineData("docker")]
    [InlineData("oci")]
    [InlineData("tar")]
    public async Task An_archive_is_written_whole(string type)
    {
        using var context = Context("RUN echo archived > /word");
        using var output = new WorkFolder();
        var file = output["image.tar"];
        (await site.DepotAsync("build", "-t", "archived:1", "-o", $"type={type},dest={file}", context.Path)).MustSucceed();
        await using var archive = File.OpenRead(file);
        using var reader = new TarReader(archive);
        var names = new List<string>();
        while (await reader.GetNextEntryAsync() is { } entry)
        {
            names.Add(entry.Name);
        }

        Assert.Contains(type switch { "docker" => "manifest.json", "oci" => "oci-layout", _ => "word" }, names);
        Assert.Single(Directory.GetFiles(output.Path));
    }

    [Fact]
    public async Task Identity_and_metadata_files_say_what_was_built()
    {
        using var context = Context("RUN echo identified > /word");
        using var output = new WorkFolder();
        var image = $"{site.Registry}/identified:1";
        var result = await site.DepotAsync(
            "build", "-q", "-t", image, "--push", "--iidfile", output["iid"], "--metadata-file", output["metadata.json"], context.Path);
        var id = await File.ReadAllTextAsync(output["iid"]);
        Assert.Matches("^sha256:[0-9a-f]{64}$", id);
        Assert.Equal(id + "\n", result.MustSucceed().Output);
        using var metadata = JsonDocument.Parse(await File.ReadAllTextAsync(output["metadata.json"]));
        Assert.Equal(image, metadata.RootElement.GetProperty("image.name").GetString());
        Assert.StartsWith("sha256:", metadata.RootElement.GetProperty("containerimage.digest").GetString());
        Assert.Equal(site.ProjectId, metadata.RootElement.GetProperty("depot.build").GetProperty("projectID").GetString());
    }

    [Fact]
    public async Task The_SBOMs_of_an_image_are_written_to_a_folder()
    {
        var generator = $"{site.Registry}/generator:1";
        using var scanner = new WorkFolder()
            .With("Dockerfile", $"FROM {site.BaseImage}\nCOPY scan /scan\nCMD [\"/bin/sh\", \"/scan\"]\n")
            .With("scan", """
                echo '{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","predicate":{"spdxVersion":"SPDX-2.3","comment":"'"$(cat "$BUILDKIT_SCAN_SOURCE/word")"'"}}' \
                  > "$BUILDKIT_SCAN_DESTINATION/sbom.spdx.json"
                """);
        (await site.DepotAsync("build", "--provenance=false", "-t", generator, "--push", scanner.Path)).MustSucceed();
        using var context = Context("RUN echo scanned > /word");
        using var output = new WorkFolder();
        (await site.DepotAsync("build", $"--sbom=generator={generator}", "--sbom-dir", output.Path, context.Path)).MustSucceed();
        AssertScanned(Assert.Single(Directory.GetFiles(output.Path)), "sbom.spdx.json");

        using var loaded = new WorkFolder();
        var name = $"scanned-{Guid.NewGuid():N}";
        var environment = new Dictionary<string, string?> { ["DOCKER_HOST"] = site.DockerHost };
        (await site.StartDepot(["build", $"--sbom=generator={generator}", "--sbom-dir", loaded.Path, "--load", "-t", name, context.Path], environment).WaitAsync()).MustSucceed();
        AssertScanned(Assert.Single(Directory.GetFiles(loaded.Path)), "sbom.spdx.json");
        Assert.Contains("scanned", (await site.DockerAsync("run", "--rm", name, "cat", "/word")).MustSucceed().Output);

        context.With("docker-bake.hcl", """
            group "default" { targets = ["one", "two"] }
            target "one" {}
            target "two" { contexts = { lib = "target:lib" } }
            target "lib" {}
            """);
        using var baked = new WorkFolder();
        (await site.StartDepot(["bake", $"--sbom=generator={generator}", "--sbom-dir", baked.Path], directory: context.Path).WaitAsync()).MustSucceed();
        var files = Directory.GetFiles(baked.Path).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(2, files.Count);
        AssertScanned(files[0], "one.spdx.json");
        AssertScanned(files[1], "two.spdx.json");
    }

    [Fact]
    public async Task Two_builds_at_once_both_succeed()
    {
        using var one = Context("RUN echo one && sleep 1");
        using var two = Context("RUN echo two && sleep 1");
        var results = await Task.WhenAll(site.DepotAsync("build", one.Path), site.DepotAsync("build", two.Path));
        Assert.All(results, result => result.MustSucceed());
    }

    [Fact]
    public async Task A_failing_step_shows_the_Dockerfile_and_ends_with_1()
    {
        using var context = Context("RUN echo before && exit 7");
        var result = await site.DepotAsync("build", "--progress=plain", context.Path);
        result.MustFail();
        Assert.Contains("Dockerfile:2\n--------------------\n", result.Error);
        Assert.Contains("   2 | >>> RUN echo before && exit 7", result.Error);
        Assert.Contains("ERROR: failed to build: failed to solve: process \"/bin/sh -c echo before && exit 7\" did not complete successfully: exit code: 7", result.Error);
    }

    /// <summary>The file is the scanner's document, made of what the image holds.</summary>
    private static void AssertScanned(string path, string name)
    {
        Assert.Equal(name, Path.GetFileName(path));
        using var sbom = JsonDocument.Parse(File.ReadAllText(path));
        Assert.Equal("SPDX-2.3", sbom.RootElement.GetProperty("spdxVersion").GetString());
        Assert.Equal("scanned", sbom.RootElement.GetProperty("comment").GetString());
    }

    private WorkFolder Context(params string[] instructions) => new WorkFolder().With(
        "Dockerfile", $"FROM {site.BaseImage}\n{string.Join('\n', instructions)}\n" + (instructions.Any(i => i.StartsWith("CMD", StringComparison.Ordinal)) ? "COPY file /file\n" : ""));

    private static void Entry(TarWriter writer, string name, string contents) =>
        writer.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(contents)) });
}
