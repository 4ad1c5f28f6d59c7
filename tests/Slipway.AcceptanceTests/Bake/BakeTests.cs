using System.Text;
using System.Text.Json;

namespace Slipway.AcceptanceTests.Bake;

/// <summary>`depot bake` all the way, against a real BuildKit, registry and Docker.</summary>
public sealed class BakeTests(Site site)
{
    [Fact]
    public async Task Targets_that_need_each_other_are_built_together_and_pushed()
    {
        var tag = $"{site.Registry}/bake:{Guid.NewGuid():N}";
        using var folder = new WorkFolder()
            .With("base/Dockerfile", $"FROM {site.BaseImage}\nRUN echo base > /base\nENV WORD=from-base\n")
            .With("app/Dockerfile", "FROM base\nARG NAME\nCOPY file /file\nRUN echo \"$WORD $NAME\" > /name\n")
            .With("app/file", "from the context\n")
            .With("docker-bake.hcl", $$"""
                variable "TAG" { default = "{{tag}}" }
                group "default" { targets = ["app"] }
                target "base" { context = "base" }
                target "app" {
                  name = "app-${name}"
                  matrix = { name = ["one", "two"] }
                  context = "app"
                  contexts = { base = "target:base" }
                  args = { NAME = name }
                  tags = ["${TAG}-${name}"]
                }
                """);
        var result = await site.StartDepot(["bake", "--push", "--progress=plain", "--metadata-file", "meta.json"], directory: folder.Path).WaitAsync();
        result.MustSucceed();

        // The two have one definition, which is read once: it carries the name of whoever came first.
        Assert.Matches("\\[app-(one|two) internal\\] load build definition", result.Error);
        Assert.Matches("\\[(base|app-(one|two))( base)? 2/2\\] RUN echo base", result.Error);
        Assert.Single(result.Error.Split('\n'), line => line.Contains("[depot] connecting to "));
        using var metadata = JsonDocument.Parse(await File.ReadAllTextAsync(folder["meta.json"]));
        foreach (var name in new[] { "one", "two" })
        {
            var digest = metadata.RootElement.GetProperty($"app-{name}").GetProperty("containerimage.digest").GetString();
            Assert.StartsWith("sha256:", digest);
            Assert.Equal($"{tag}-{name}", metadata.RootElement.GetProperty($"app-{name}").GetProperty("image.name").GetString());
            var run = await site.DockerAsync("run", "--rm", $"{tag}-{name}", "cat", "/base", "/name", "/file");
            Assert.Equal($"base\nfrom-base {name}\nfrom the context\n", run.MustSucceed().Output);
        }
    }

    [Fact]
    public async Task A_context_that_targets_share_travels_once()
    {
        using var folder = new WorkFolder()
            .With("Dockerfile", $"FROM {site.BaseImage}\nARG N\nCOPY big /big\nRUN echo $N > /n\n")
            .With("docker-bake.hcl", "target \"t\" {\n  name = \"t${n}\"\n  matrix = { n = [\"1\", \"2\", \"3\", \"4\"] }\n  args = { N = n }\n}\n");
        var noise = new byte[8 << 20];
        new Random(1).NextBytes(noise);
        await File.WriteAllBytesAsync(folder["big"], noise);
        var result = await site.StartDepot(["bake", "t", "--progress=plain"], directory: folder.Path).WaitAsync();
        result.MustSucceed();
        var transfers = result.Error.Split('\n').Where(line => line.Contains("transferring context: 8.") && line.EndsWith("done", StringComparison.Ordinal))
            .Select(line => line.Split(' ')[0]).Distinct().ToList();

        // Every target's stream may tell of the one step; a second transfer would be a step of its own.
        Assert.True(transfers.Count == 1, string.Join('\n', transfers));
    }

    [Fact]
    public async Task A_Compose_file_is_loaded_and_its_inline_Dockerfile_is_used()
    {
        var name = $"composed{Guid.NewGuid():N}";
        using var folder = new WorkFolder()
            .With("own/Dockerfile", $"FROM {site.BaseImage}\n")
            .With("web/Dockerfile", $"FROM {site.BaseImage} AS wanted\nARG COLOUR\nRUN --mount=type=secret,id=word cp /run/secrets/word /word && echo $COLOUR > /colour\nFROM {site.BaseImage}\nRUN false\n")
            .With(".env", "COLOUR=green\n")
            .With("compose.yaml", $$"""
                name: {{name}}
                services:
                  own:
                    build: own
                    command: echo as compose calls it
                  web:
                    image: {{name}}-web
                    build:
                      context: web
                      target: wanted
                      args: [COLOUR]
                      labels: { "a": "${COLOUR}" }
                      secrets: [word]
                  tool:
                    image: {{name}}-tool
                    build:
                      dockerfile_inline: |
                        FROM {{site.BaseImage}}
                        RUN echo inline > /inline
                  db:
                    image: nothing/to/build
                secrets:
                  word:
                    environment: WORD
                """);
        var result = await site.StartDepot(["bake", "--load"], new Dictionary<string, string?> { ["WORD"] = "correct" }, folder.Path).WaitAsync();
        result.MustSucceed();
        Assert.Equal("green\ncorrect", (await site.DockerAsync("run", "--rm", $"{name}-web", "cat", "/colour", "/word")).MustSucceed().Output);
        var compose = new Dictionary<string, string?> { ["DOCKER_HOST"] = site.DockerHost };
        Assert.Contains("as compose calls it", (await RunningCommand.Start(
            "docker", ["compose", "run", "--rm", "--no-deps", "--pull=never", "own"], compose, folder.Path).WaitAsync()).MustSucceed().Output);
        Assert.Equal("inline\n", (await site.DockerAsync("run", "--rm", $"{name}-tool", "cat", "/inline")).MustSucceed().Output);
        Assert.Equal("green\n", (await site.DockerAsync("inspect", "--format", "{{index .Config.Labels \"a\"}}", $"{name}-web")).MustSucceed().Output);
    }

    [Fact]
    public async Task What_Compose_hands_over_on_standard_input_is_built_and_reported_as_it_reads_it()
    {
        var name = $"handed-over:{Guid.NewGuid():N}";
        using var context = new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\nCOPY Dockerfile /made\n");
        using var elsewhere = new WorkFolder();
        var definition = JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["group"] = new Dictionary<string, object> { ["default"] = new { targets = new[] { "web" } } },
            ["target"] = new Dictionary<string, object>
            {
                ["web"] = new Dictionary<string, object>
                {
                    ["context"] = context.Path,
                    ["dockerfile"] = context["Dockerfile"],
                    ["args"] = new { DOLLAR = "$${x}" },
                    ["tags"] = new[] { name },
                    ["output"] = new[] { "type=docker" },
                },
            },
        });
        var result = await site.StartDepot(
            ["bake", "--file", "-", "--progress", "rawjson", "--metadata-file", elsewhere["meta.json"], "--allow", $"fs.read={context.Path}"],
            directory: elsewhere.Path, input: Encoding.UTF8.GetBytes(definition)).WaitAsync();
        result.MustSucceed();
        Assert.Equal("", result.Output);
        var lines = result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !line.StartsWith("Build Summary", StringComparison.Ordinal)).ToList();
        Assert.Contains(lines.Select(line => JsonDocument.Parse(line).RootElement), status => status.TryGetProperty("vertexes", out _));
        using var metadata = JsonDocument.Parse(await File.ReadAllTextAsync(elsewhere["meta.json"]));
        Assert.StartsWith("sha256:", metadata.RootElement.GetProperty("web").GetProperty("containerimage.digest").GetString());
        Assert.Equal($"docker.io/library/{name}", metadata.RootElement.GetProperty("web").GetProperty("image.name").GetString());
        (await site.DockerAsync("image", "inspect", name)).MustSucceed();
    }

    [Fact]
    public async Task A_target_that_fails_is_named_and_ends_the_others()
    {
        using var folder = new WorkFolder()
            .With("Dockerfile", $"FROM {site.BaseImage} AS bad\nRUN echo broken && exit 3\nFROM {site.BaseImage} AS slow\nRUN sleep 300\n")
            .With("docker-bake.hcl", "group \"default\" { targets = [\"bad\", \"slow\"] }\ntarget \"bad\" { target = \"bad\" }\ntarget \"slow\" { target = \"slow\" }\n");
        var result = await site.StartDepot(["bake", "--progress=plain"], directory: folder.Path).WaitAsync();
        result.MustFail();
        Assert.Contains("ERROR: target bad: failed to solve: process \"/bin/sh -c echo broken && exit 3\" did not complete successfully: exit code: 3", result.Error);
        Assert.Contains("Dockerfile:2", result.Error);
        Assert.DoesNotContain("unexpected failure", result.Error);
    }

    [Fact]
    public async Task Targets_of_two_projects_are_two_builds_in_one_call()
    {
        var created = (await site.AdminAsync("project", "create", $"second-{Guid.NewGuid():N}", "--json")).MustSucceed();
        var second = JsonDocument.Parse(created.Output).RootElement.GetProperty("id").GetString();
        using var folder = new WorkFolder()
            .With("Dockerfile", $"FROM {site.BaseImage}\nRUN echo made > /made\n")
            .With("docker-bake.json", $$"""{ "target": { "a": {}, "b": { "project_id": "{{second}}" } } }""");
        using var output = new WorkFolder();
        var result = await site.StartDepot(
            ["bake", "a", "b", "--set", "a.output=" + output["a"], "--set", "b.output=" + output["b"], "--metadata-file", output["meta.json"]], directory: folder.Path).WaitAsync();
        result.MustSucceed();
        using var metadata = JsonDocument.Parse(await File.ReadAllTextAsync(output["meta.json"]));
        string? Project(string target) => metadata.RootElement.GetProperty(target).GetProperty("depot.build").GetProperty("projectID").GetString();
        Assert.Equal((site.ProjectId, second), (Project("a"), Project("b")));
        Assert.All(["a", "b"], target => Assert.Equal("made\n", File.ReadAllText(Path.Combine(output[target], "made"))));
    }

    [Fact]
    public async Task A_definition_and_its_contexts_come_from_a_repository()
    {
        using var folder = new WorkFolder("git")
            .With("repository/sub/docker-bake.hcl", "target \"default\" {\n  context = \"app\"\n  contexts = { here = BAKE_CMD_CONTEXT, data = \"data\" }\n}\n")
            .With("repository/sub/app/Dockerfile", $"FROM {site.BaseImage}\nCOPY word /word\nCOPY --from=here local /local\nCOPY --from=data more /more\n")
            .With("repository/sub/app/word", "from git\n")
            .With("repository/sub/data/more", "more from git\n");
        foreach (var arguments in new[] { "init -q -b main", "add -A", "-c user.name=t -c user.email=t@example.com commit -qm first" })
        {
            (await RunningCommand.Start("git", arguments.Split(' '), directory: folder["repository"]).WaitAsync()).MustSucceed();
        }

        var port = Parts.FreePort();
        await using var daemon = RunningCommand.Start(
            "git", ["daemon", "--export-all", "--verbose", "--informative-errors", "--listen=127.0.0.1", $"--port={port}", $"--base-path={folder.Path}", folder.Path]);
        await daemon.SaysAsync("Ready to rumble");
        using var here = new WorkFolder().With("local", "from here\n");
        var result = await site.StartDepot(["bake", $"git://127.0.0.1:{port}/repository#main:sub", "--set", "*.output=out"], directory: here.Path).WaitAsync();
        result.MustSucceed();
        Assert.Equal("from git\nfrom here\nmore from git\n", string.Concat(new[] { "word", "local", "more" }.Select(name => File.ReadAllText(here[$"out/{name}"]))));

        var missing = await site.StartDepot(["bake", $"git://127.0.0.1:{port}/repository#nothere"], directory: here.Path).WaitAsync();
        Assert.Contains($"failed to read the definition from git://127.0.0.1:{port}/repository: git: fatal:", missing.MustFail().Error);
    }

    [Fact]
    public async Task A_check_answers_for_every_target_and_builds_none()
    {
        using var folder = new WorkFolder()
            .With("good/Dockerfile", $"FROM {site.BaseImage}\nRUN false\n").With("bad/Dockerfile", $"FROM {site.BaseImage} as lower\nRUN false\n")
            .With("docker-bake.hcl", "group \"default\" { targets = [\"good\", \"bad\"] }\ntarget \"good\" { context = \"good\" }\ntarget \"bad\" { context = \"bad\" }\n"
                + "target \"linked\" {\n  context = \"linked\"\n  contexts = { base = \"target:good\" }\n}\n").With("linked/Dockerfile", "FROM base AS one\nRUN false\n");
        var text = await site.StartDepot(["bake", "--check"], directory: folder.Path).WaitAsync();
        Assert.Contains("FromAsCasing", text.MustFail().Output);
        var json = await site.StartDepot(["bake", "--call=check,format=json,ignorestatus=true"], directory: folder.Path).WaitAsync();
        using var answer = JsonDocument.Parse(json.MustSucceed().Output);
        var targets = answer.RootElement.GetProperty("target");
        Assert.Equal("bad", targets.GetProperty("bad").GetProperty("build").GetProperty("context").GetString());
        Assert.Equal(1, targets.GetProperty("bad").GetProperty("check").GetProperty("warnings").GetArrayLength());

        // As buildx says it: an outline needs the base image, which is not built yet; the list of targets does not.
        var outline = await site.StartDepot(["bake", "--call=outline", "linked"], directory: folder.Path).WaitAsync();
        Assert.Contains("target linked: failed to solve: unsupported context source target for base", outline.MustFail().Error);
        Assert.Contains("one (default)", (await site.StartDepot(["bake", "--call=targets", "linked"], directory: folder.Path).WaitAsync()).MustSucceed().Output);
    }

    [Fact]
    public async Task A_check_before_the_build_knows_what_a_target_is_built_on()
    {
        using var folder = new WorkFolder()
            .With("base/Dockerfile", $"FROM {site.BaseImage}\nENV WORD=linked\n")
            .With("app/Dockerfile", "FROM base\nRUN test $WORD = linked\n").With("bad/Dockerfile", "FROM base as lower\nRUN true\n")
            .With("docker-bake.hcl", "target \"base\" { context = \"base\" }\n"
                + "target \"app\" {\n  context = \"app\"\n  contexts = { base = \"target:base\" }\n}\ntarget \"bad\" {\n  context = \"bad\"\n  contexts = { base = \"target:base\" }\n}\n");

        (await site.StartDepot(["bake", "--lint", "--lint-fail-on=warn", "app"], directory: folder.Path).WaitAsync()).MustSucceed();
        var refused = await site.StartDepot(["bake", "--lint", "--lint-fail-on=warn", "bad"], directory: folder.Path).WaitAsync();
        Assert.Contains("FromAsCasing", refused.MustFail().Error);
        Assert.Contains("linting failed", refused.Error);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("max", "1")]
    public async Task The_metadata_file_has_buildxs_keys(string? provenance, string? warnings)
    {
        using var folder = new WorkFolder()
            .With("Dockerfile", $"FROM {site.BaseImage} as lower\nRUN true\n").With("linked/Dockerfile", "FROM base\nRUN true\n")
            .With("docker-bake.hcl", $$"""
                group "default" { targets = ["pushed", "linked", "archive"] }
                target "pushed" {
                  tags = ["{{site.Registry}}/meta-{{Guid.NewGuid():N}}:1"]
                  output = ["type=registry"]
                }
                target "linked" {
                  context = "linked"
                  contexts = { base = "target:plain" }
                  output = ["type=cacheonly"]
                }
                target "plain" {}
                target "archive" {
                  output = ["type=oci,dest=archive.tar"]
                  attest = ["type=provenance,mode=min"]
                }
                """);
        var variables = new Dictionary<string, string?> { ["BUILDX_METADATA_PROVENANCE"] = provenance, ["BUILDX_METADATA_WARNINGS"] = warnings };
        string[] Words(string tool) => ["bake", "--progress=plain", "--metadata-file", folder[tool + ".json"]];
        (await RunningCommand.Start(Parts.Buildx, Words("buildx"), site.With(variables), folder.Path).WaitAsync()).MustSucceed();
        (await site.StartDepot(Words("depot"), variables, folder.Path).WaitAsync()).MustSucceed();

        Assert.Equal(string.Join('\n', MetadataKeys(folder["buildx.json"])), string.Join('\n', MetadataKeys(folder["depot.json"])));
    }

    // Ours names the server's record as well, for each target and for the whole.
    private static IEnumerable<string> MetadataKeys(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(file));
        return [.. document.RootElement.EnumerateObject().SelectMany(target => target.Value.ValueKind == JsonValueKind.Object
            ? target.Value.EnumerateObject().Select(entry => $"{target.Name}: {entry.Name}")
            : [target.Name]).Where(key => !key.EndsWith("depot.build", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
    }

    [Fact]
    public async Task A_definition_opens_no_file_outside_its_folder_by_itself()
    {
        using var outside = new WorkFolder().With("Dockerfile", "FROM scratch\n");
        using var folder = new WorkFolder().With("docker-bake.hcl", $"target \"default\" {{\n  context = \"{outside.Path}\"\n  entitlements = [\"security.insecure\"]\n}}\n");
        var result = await site.StartDepot(["bake"], directory: folder.Path).WaitAsync();
        result.MustFail();
        Assert.Contains($"Pass \"--allow=security.insecure --allow=fs.read={outside.Path}\" to grant requested privileges.", result.Error);
        Assert.Contains("ERROR: additional privileges requested", result.Error);
        Directory.CreateSymbolicLink(folder["inside"], outside.Path);
        var linked = await site.StartDepot(["bake", "--set", "*.context=inside", "--allow", "security.insecure"], directory: folder.Path).WaitAsync();
        Assert.Contains($"--allow=fs.read={outside.Path}", linked.MustFail().Error);
    }
}
