using System.Formats.Tar;
using System.Text;
using Depot.Cli;
using Depot.Cli.Build;
using Slipway.BuildKit.Compression;
using Slipway.BuildKit.Wire.Control;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>From the command line to the message that BuildKit gets.</summary>
public sealed class BuildPlanTests : IDisposable
{
    private readonly CliScene _scene = new();

    public BuildPlanTests() => _scene.Write("app/Dockerfile", "FROM scratch\n");

    public void Dispose() => _scene.Dispose();

    public static TheoryData<string[], string, string?> Attributes => new()
    {
        { [], "filename", "Dockerfile" },
        { [], "attest:provenance", "mode=min,inline-only=true" },
        { [], "context", null },
        { [], "platform", null },
        { [], "no-cache", null },
        { ["--provenance=false"], "attest:provenance", null },
        { ["--provenance=true"], "attest:provenance", "type=provenance" },
        { ["--provenance", "mode=max"], "attest:provenance", "type=provenance,mode=max" },
        { ["--sbom=true"], "attest:sbom", "type=sbom" },
        { ["--attest", "type=sbom,generator=x/y"], "attest:sbom", "type=sbom,generator=x/y" },
        { ["--target", "wanted"], "target", "wanted" },
        { ["--build-arg", "A=b=c"], "build-arg:A", "b=c" },
        { ["--build-arg", "FROM_ENV"], "build-arg:FROM_ENV", "inherited" },
        { ["--build-arg", "EMPTY_ENV"], "build-arg:EMPTY_ENV", "" },
        { ["--build-arg", "NOT_SET"], "build-arg:NOT_SET", null },
        { ["--label", "a=b"], "label:a", "b" },
        { ["--label", "a"], "label:a", "" },
        { ["--platform", "linux/amd64,arm"], "platform", "linux/amd64,linux/arm/v7" },
        { ["--platform", "aarch64", "--platform", "linux/x86_64"], "platform", "linux/arm64,linux/amd64" },
        { ["--platform", "windows(10.0.17763)/amd64"], "platform", "windows(10.0.17763)/amd64" },
        { ["--no-cache"], "no-cache", "" },
        { ["--no-cache-filter", "a", "--no-cache-filter", "b"], "no-cache", "a,b" },
        { ["--pull"], "image-resolve-mode", "pull" },
        { ["--network", "none"], "force-network-mode", "none" },
        { ["--network", "host"], "force-network-mode", "host" },
        { ["--add-host", "a:1.2.3.4", "--add-host", "b=[::1]"], "add-hosts", "a=1.2.3.4,b=::1" },
        { ["--shm-size", "1m"], "shm-size", "1048576" },
        { ["--ulimit", "nofile=1:2", "--ulimit", "core=0"], "ulimit", "nofile=1:2,core=0:0" },
        { ["--cgroup-parent", "/x"], "cgroup-parent", "/x" },
        { ["--build-context", "lib=other"], "context:lib", "local:lib" },
        { ["--build-context", "context=other"], "context:context", "local:_context" },
        { ["--build-context", "alpine:latest=docker-image://alpine:3"], "context:alpine", "docker-image://alpine:3" },
        { ["--build-context", "src=https://host/repo.git#main"], "context:src", "https://host/repo.git#main" },
        { ["--build-context", "lib=other"], "frontend.caps", "moby.buildkit.frontend.contexts+forward" },
        { ["--build-context", "src=https://host/repo.git?ref=x"], "frontend.caps", "moby.buildkit.frontend.contexts+forward,moby.buildkit.frontend.gitquerystring+forward" },
        { ["--build-context", "lib=other"], "sharedkey:localdir:lib", "other:p1:" },
        { ["--build-arg", "BUILDKIT_SYNTAX=docker/dockerfile:1 x"], "source", "docker/dockerfile:1" },
        { ["--build-arg", "BUILDKIT_MULTI_PLATFORM=1"], "multi-platform", "true" },
        { ["--cache-from", "user/app:cache"], "cache-imports", """[{"Type":"registry","Attrs":{"ref":"user/app:cache"}}]""" },
        { ["-f", "app/sub/Other"], "filename", "Other" },
    };

    [Theory]
    [MemberData(nameof(Attributes))]
    public async Task A_flag_becomes_the_attribute_that_buildx_sends(string[] flags, string attribute, string? expected)
    {
        _scene.Environment["FROM_ENV"] = "inherited";
        _scene.Environment["EMPTY_ENV"] = "";
        _scene.Write("other/file", "x");
        _scene.Write("app/sub/Other", "FROM scratch\n");
        Assert.Equal(expected, (await RequestAsync([.. flags, "app"])).FrontendAttrs.TryGetValue(attribute, out var value) ? value : null);
    }

    [Fact]
    public async Task The_environment_has_its_say()
    {
        _scene.Environment["SOURCE_DATE_EPOCH"] = "0";
        _scene.Environment["DOCKER_DEFAULT_PLATFORM"] = "linux/arm64";
        _scene.Environment["BUILDX_NO_DEFAULT_ATTESTATIONS"] = "1";
        var attributes = (await RequestAsync("app")).FrontendAttrs;
        Assert.Equal("0", attributes["build-arg:SOURCE_DATE_EPOCH"]);
        Assert.Equal("linux/arm64", attributes["platform"]);
        Assert.DoesNotContain("attest:provenance", attributes.Keys);
    }

    [Fact]
    public async Task Exporters_carry_names_pushes_and_annotations()
    {
        var request = await RequestAsync(
            "-t", "r.local:5000/a:1", "-t", "b", "--push", "-o", "type=oci,dest=out.tar,compression=zstd", "--annotation", "manifest[linux/amd64]:k=v", "app");
        Assert.Equal(["oci", "image"], request.Exporters.Select(exporter => exporter.Type));
        Assert.Equal("zstd", request.Exporters[0].Attrs["compression"]);
        Assert.Equal("r.local:5000/a:1,b", request.Exporters[0].Attrs["name"]);
        Assert.Equal("true", request.Exporters[1].Attrs["push"]);
        Assert.Equal("false", request.Exporters[1].Attrs["unpack"]);
        Assert.Equal("v", request.Exporters[1].Attrs["annotation-manifest[linux/amd64].k"]);
        Assert.Equal("oci", request.ExporterDeprecated);
    }

    [Fact]
    public async Task Cache_and_entitlements_arrive()
    {
        var request = await RequestAsync(
            "--cache-to", "type=registry,ref=a/b,mode=max", "--cache-to", "type=gha", "--build-arg", "BUILDKIT_INLINE_CACHE=1",
            "--allow", "security.insecure", "--network", "host", "app");
        Assert.Equal(["registry", "inline"], request.Cache.Exports.Select(entry => entry.Type));
        Assert.Equal("max", request.Cache.Exports[0].Attrs["mode"]);
        Assert.Equal(["security.insecure", "network.host"], request.Entitlements);
    }

    [Fact]
    public async Task Outputs_know_where_their_bytes_go()
    {
        using var plan = await _scene.ResolveAsync(
            "-o", "folder", "-o", "type=tar,dest=-", "-o", "type=docker,dest=d.tar", "-o", "type=image", "-o", "type=cacheonly", "--load", "app");
        Assert.Equal(
            [OutputTarget.Folder, OutputTarget.StandardOutput, OutputTarget.File, OutputTarget.Builder, OutputTarget.Docker],
            plan.Outputs.Select(output => output.Target));
        Assert.Equal(Path.Combine(_scene.Folder, "folder"), plan.Outputs[0].Destination);
        Assert.Equal("oci", plan.ForDocker(containerdStore: true).Outputs[^1].Type);
        Assert.Equal("docker", plan.ForDocker(containerdStore: false).Outputs[^1].Type);
    }

    /// <summary>A saved image has the server's names. What the user pushes keeps its own beside them, and what is loaded keeps them alone.</summary>
    [Theory]
    [InlineData("--save app", "image=r/p1:b1,r/p1:v1")]
    [InlineData("--save -t a:1 app", "image=r/p1:b1,r/p1:v1")]
    [InlineData("--save-tag v1 -t a:1 --push app", "image=docker.io/library/a:1,r/p1:b1,r/p1:v1")]
    [InlineData("--save -t a:1 --load app", "image=r/p1:b1,r/p1:v1 docker=docker.io/library/a:1")]
    [InlineData("--save -o type=image -o type=oci,dest=x.tar -t a:1 app", "image=r/p1:b1,r/p1:v1 oci=docker.io/library/a:1")]
    public async Task A_saved_image_is_pushed_under_the_servers_names(string words, string expected)
    {
        using var plan = await _scene.ResolveAsync(words.Split(' '));
        Assert.True(plan.Saves);
        var saved = plan.SavedAs(["r/p1:b1", "r/p1:v1"]).Outputs;
        Assert.Equal(expected, string.Join(' ', saved.Select(output => $"{output.Type}={string.Join(',', output.Names.Select(name => name.StartsWith("r/", StringComparison.Ordinal) ? name : ImageReference.Canonical(name)))}")));
        Assert.True(saved.First(output => output.Type == "image").Pushes);

        // Nothing of the first plan changed, which other Solves are made from.
        Assert.DoesNotContain("r/p1:b1", plan.Outputs.SelectMany(output => output.Names));
    }

    [Fact]
    public async Task A_question_to_the_frontend_saves_nothing()
    {
        using var plan = await _scene.ResolveAsync("--save", "--call", "outline", "app");
        Assert.False(plan.Saves);
    }

    public static TheoryData<string[], string> Refusals => new()
    {
        { ["nowhere"], "failed to build: unable to prepare context: path \"nowhere\" not found" },
        { ["empty"], "failed to build: failed to solve: failed to read dockerfile: open Dockerfile: no such file or directory" },
        { ["-f", "nope", "app"], "failed to build: failed to solve: failed to read dockerfile: open nope: no such file or directory" },
        { ["-f", "app", "app"], "failed to build: failed to solve: failed to read dockerfile: open app: is a directory" },
        { ["--push", "app"], "failed to build: tag is needed when pushing to registry" },
        { ["-o", "type=registry", "app"], "failed to build: tag is needed when pushing to registry" },
        { ["-t", "UPPER/Case", "app"], "failed to build: invalid tag \"UPPER/Case\": repository name must be lowercase" },
        { ["-t", "a b", "app"], "failed to build: invalid tag \"a b\": invalid reference format" },
        { ["--no-cache", "--no-cache-filter", "x", "app"], "failed to build: --no-cache and --no-cache-filter cannot currently be used together" },
        { ["--platform", "foo", "app"], "failed to build: \"foo\": unknown operating system or architecture: invalid argument" },
        { ["--network", "foo", "app"], "failed to build: network mode \"foo\" not supported by buildkit" },
        { ["--add-host", "foo", "app"], "failed to build: invalid host foo" },
        { ["--allow", "foo", "app"], "failed to build: unknown entitlement foo" },
        { ["-o", "type=local", "app"], "failed to build: dest is required for local exporter" },
        { ["-o", "type=local,dest=-", "app"], "failed to build: dest cannot be stdout for local exporter" },
        { ["-o", "type=tar,dest=app", "app"], "failed to build: destination file app is a directory" },
        { ["-o", "type=tar", "-o", "type=oci", "app"], "failed to build: multiple outputs configured to write to stdout" },
        { ["-o", "type=local,dest=/,mode=delete", "app"], "failed to build: local output mode=delete for destination \"/\" requires --allow=buildx.local.delete" },
        { ["-o", "dest=x,a=b", "app"], "type is required for output" },
        { ["-o", "type=tar,x", "app"], "invalid value x" },
        { ["--iidfile", "x", "-o", "out", "app"], "local and tar exporters are incompatible with image ID file" },
        { ["--annotation", "foo", "app"], "failed to build: parse annotations: invalid annotation \"foo\", expected key=value" },
        { ["--annotation", "foo:a=b", "app"], "failed to build: parse annotations: unknown annotation type \"foo\"" },
        { ["--label", "=x", "app"], "invalid key-value pair \"=x\": empty key" },
        { ["--attest", "x", "app"], "invalid value x" },
        { ["--provenance=foo", "app"], "invalid value foo" },
        { ["--cache-from", "type=,a=b", "app"], "type required for \"type=,a=b\"" },
        { ["--cache-to", "type=local", "app"], "failed to build: local cache exporter requires dest" },
        { ["--cache-from", "type=local", "app"], "failed to build: local cache importer requires src" },
        { ["--cache-to", "type=registry", "app"], "failed to build: registry cache exporter requires ref" },
        { ["--build-context", "x=target:y", "app"], "failed to build: failed to find target y for context x" },
        { ["--call", "lint,x=y", "app"], "invalid print field: x=y" },
        { ["--call", "lint,outline", "app"], "invalid print value: lint,outline" },
        { ["--build-context", "foo", "app"], "invalid context value: foo, expected key=value" },
        { ["--build-context", "foo=nope", "app"], "failed to build: failed to get build context foo: stat nope: no such file or directory" },
        { ["--build-platform", "x", "app"], "failed to build: invalid build platform: x (must be one of: dynamic, linux/amd64, linux/arm64)" },
        { ["-f", "-", "-"], "failed to build: invalid argument: can't use stdin for both build context and dockerfile" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task What_cannot_be_built_is_refused_in_buildxs_words(string[] words, string expected)
    {
        Directory.CreateDirectory(Path.Combine(_scene.Folder, "empty"));
        Assert.Equal(expected, (await Assert.ThrowsAsync<CliException>(() => _scene.ResolveAsync(words))).Message);
    }

    /// <summary>An engine would quote it in its answer, which then is no UTF-8, and reset the call instead.</summary>
    [Theory]
    [InlineData(new byte[] { 0xFF, 0xFE, (byte)'F', 0 }, "is UTF-16 text", "Save it as UTF-8: iconv")]
    [InlineData(new byte[] { 0xFE, 0xFF, 0, (byte)'F' }, "is UTF-16 text", "Save it as UTF-8: iconv")]
    [InlineData(new byte[] { 0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0 }, "is no text: its byte 8 is zero", "Name the Dockerfile with --file")]
    public async Task A_Dockerfile_that_is_no_text_is_refused_before_anything_is_built(byte[] content, string expected, string remedy)
    {
        await File.WriteAllBytesAsync(Path.Combine(_scene.Folder, "odd"), content);
        _scene.Input = new MemoryStream(content);
        foreach (var (words, name) in new[] { (new[] { "-f", "odd", "app" }, "odd"), (["-f", "-", "app"], "the Dockerfile") })
        {
            var refused = await Assert.ThrowsAsync<CliException>(() => _scene.ResolveAsync(words));
            Assert.Equal($"failed to build: failed to solve: failed to read dockerfile: {name} {expected}", refused.Message);
            Assert.Contains(remedy, refused.Remedy, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Single_bytes_of_an_older_encoding_are_the_engines_to_judge()
    {
        await File.WriteAllBytesAsync(Path.Combine(_scene.Folder, "latin"), "# caf\xE9\nFROM scratch\n".Select(one => (byte)one).ToArray());
        using var plan = await _scene.ResolveAsync("-f", "latin", "app");
        Assert.Equal("latin", plan.Inputs.Attributes["filename"]);
    }

    [Fact]
    public async Task A_lone_lower_case_dockerfile_serves()
    {
        _scene.Write("low/dockerfile", "FROM scratch\n");
        Assert.Equal("dockerfile", (await RequestAsync("low")).FrontendAttrs["filename"]);
    }

    [Fact]
    public async Task A_Dockerfile_on_standard_input_gets_a_folder_of_its_own_that_ends_with_the_build()
    {
        _scene.Input = new MemoryStream("FROM scratch\n"u8.ToArray());
        string folder;
        using (var plan = await _scene.ResolveAsync("-"))
        {
            folder = plan.Inputs.Folders["dockerfile"];
            Assert.Equal("FROM scratch\n", await File.ReadAllTextAsync(Path.Combine(folder, "Dockerfile")));
            Assert.Equal("dockerfile", plan.Attributes["dockerfilekey"]);
            Assert.Empty(Directory.EnumerateFileSystemEntries(plan.Inputs.Folders["context"]));
        }

        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task An_archive_on_standard_input_is_sent_as_it_is()
    {
        var archive = new MemoryStream();
        using (var writer = new TarWriter(archive, leaveOpen: true))
        {
            writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "Dockerfile") { DataStream = new MemoryStream(Encoding.UTF8.GetBytes("FROM scratch\n")) });
        }

        _scene.Input = new MemoryStream(archive.ToArray());
        using var plan = await _scene.ResolveAsync("-f", "sub/Dockerfile", "-");
        var copy = new MemoryStream();
        await plan.Inputs.UploadedContext!.Open().CopyToAsync(copy);
        Assert.Equal(archive.ToArray(), copy.ToArray());
        Assert.Equal("sub/Dockerfile", plan.Attributes["filename"]);
        Assert.Empty(plan.Inputs.Folders);
    }

    [Theory]
    [InlineData("https://github.com/a/b.git#main:sub")]
    [InlineData("git@github.com:a/b.git")]
    [InlineData("github.com/a/b")]
    [InlineData("https://host/archive.tar.gz")]
    public async Task A_remote_context_is_left_to_the_builder(string url)
    {
        using var plan = await _scene.ResolveAsync(url);
        Assert.Equal(url, plan.Attributes["context"]);
        Assert.Empty(plan.Inputs.Folders);
    }

    [Fact]
    public async Task A_work_tree_names_its_commit_and_remote_without_credentials()
    {
        var commit = new string('a', 40);
        _scene.Write(".git/HEAD", "ref: refs/heads/main\n");
        _scene.Write(".git/packed-refs", $"# pack-refs\n{commit} refs/heads/main\n");
        _scene.Write(".git/config", "[remote \"origin\"]\n\turl = https://user:token@host/a/b.git\n");
        using var plan = await _scene.ResolveAsync("app");
        Assert.Equal(commit, plan.Attributes["vcs:revision"]);
        Assert.Equal("https://host/a/b.git", plan.Attributes["vcs:source"]);
        Assert.Equal("app", plan.Attributes["vcs:localdir:context"]);
        Assert.Equal("app:p1:app", plan.SharedKey(plan.Inputs.ContextFolder!, "p1"));

        _scene.Environment["BUILDX_GIT_INFO"] = "0";
        using var without = await _scene.ResolveAsync("app");
        Assert.DoesNotContain("vcs:revision", without.Attributes.Keys);
    }

    [Theory]
    [InlineData("https://user:token@host/a/b.git", "stable:p1:host/a/b:app")]
    [InlineData("https://host/a/b", "stable:p1:host/a/b:app")]
    [InlineData("git@host:a/b.git", "stable:p1:host/a/b:app")]
    [InlineData("ssh://git@host/a/b.git", "stable:p1:host/a/b:app")]
    [InlineData("", "stable:p1::app")]
    public async Task With_stable_times_the_builders_copy_belongs_to_the_place_in_the_repository(string remote, string key)
    {
        _scene.Write(".git/HEAD", "ref: refs/heads/main\n");
        _scene.Write(".git/config", remote.Length == 0 ? "" : $"[remote \"origin\"]\n\turl = {remote}\n");
        _scene.Environment["BUILDX_GIT_INFO"] = "0";
        using var plan = await _scene.ResolveAsync("--stable-times", "app");
        Assert.Equal(key, plan.SharedKey(plan.Inputs.ContextFolder!, "p1"));
        Assert.DoesNotContain("vcs:source", plan.Attributes.Keys);
    }

    [Theory]
    [InlineData(null, null, false)]
    [InlineData("1", null, true)]
    [InlineData("1", "--stable-times=false", false)]
    [InlineData("", "--stable-times", true)]
    public async Task Times_are_stable_when_the_flag_or_else_the_environment_says_so(string? variable, string? flag, bool expected)
    {
        if (variable is not null)
        {
            _scene.Environment["DEPOT_STABLE_TIMES"] = variable;
        }

        using var plan = await _scene.ResolveAsync(flag is null ? ["app"] : [flag, "app"]);
        Assert.Equal(expected, plan.StableTimes);
    }

    [Theory]
    [InlineData(null, null, CompressionMode.Auto)]
    [InlineData("auto", null, CompressionMode.Auto)]
    [InlineData("Always", null, CompressionMode.Always)]
    [InlineData("1", null, CompressionMode.Always)]
    [InlineData("never", null, CompressionMode.Never)]
    [InlineData("never", "--compress", CompressionMode.Always)]
    [InlineData("always", "--compress=false", CompressionMode.Never)]
    public async Task What_travels_is_compressed_as_the_flag_or_else_the_environment_says(string? variable, string? flag, CompressionMode expected)
    {
        if (variable is not null)
        {
            _scene.Environment["DEPOT_COMPRESS"] = variable;
        }

        using var plan = await _scene.ResolveAsync(flag is null ? ["app"] : [flag, "app"]);
        Assert.Equal(expected, plan.Compression);
    }

    [Theory]
    [InlineData(null, MetadataProvenance.Min)]
    [InlineData("max", MetadataProvenance.Max)]
    [InlineData("disabled", MetadataProvenance.None)]
    [InlineData("false", MetadataProvenance.None)]
    [InlineData("true", MetadataProvenance.Min)]
    [InlineData("nonsense", MetadataProvenance.Min)]
    public async Task Provenance_is_for_metadata_files_as_buildx_reads_the_variable(string? variable, object expected)
    {
        if (variable is not null)
        {
            _scene.Environment["BUILDX_METADATA_PROVENANCE"] = variable;
        }

        using var asked = await _scene.ResolveAsync("--metadata-file", "m.json", "app");
        using var other = await _scene.ResolveAsync("app");
        Assert.Equal((expected, MetadataProvenance.None), (asked.Provenance, other.Provenance));
    }

    [Theory]
    [InlineData("arm64", "--platform", "linux/arm64")]
    [InlineData("arm64", "--build-platform", "linux/arm64")]
    [InlineData("amd64", "--build-platform", "linux/amd64", "--platform", "linux/arm64")]
    [InlineData("amd64,arm64", "--platform", "linux/arm64,linux/amd64")]
    [InlineData("amd64", "--platform", "linux/386", "--platform", "linux/amd64,linux/s390x")]
    [InlineData("arm64", "--platform", "linux/arm/v7,linux/s390x")]
    public async Task The_builders_have_the_architectures_that_are_built_for(string expected, params string[] flags)
    {
        using var plan = await _scene.ResolveAsync([.. flags, "app"]);
        Assert.Equal(expected, string.Join(',', plan.Architectures));
    }

    [Fact]
    public void Proxies_stand_back_for_build_arguments_of_the_user()
    {
        var attributes = new Dictionary<string, string> { ["build-arg:http_proxy"] = "mine" };
        FrontendAttributes.AddProxies(attributes, [new("HTTP_PROXY", "theirs"), new("http_proxy", "theirs"), new("NO_PROXY", "x"), new("no_proxy", "x")]);
        Assert.Equal(["build-arg:NO_PROXY", "build-arg:http_proxy", "build-arg:no_proxy"], attributes.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("mine", attributes["build-arg:http_proxy"]);
    }

    private async Task<SolveRequest> RequestAsync(params string[] words)
    {
        using var plan = await _scene.ResolveAsync(words);
        return SolveCall.Request(plan, "p1", "ref", "session", SolveLinks.None);
    }
}
