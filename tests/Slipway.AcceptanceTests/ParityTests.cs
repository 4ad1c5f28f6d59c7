using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Slipway.AcceptanceTests;

/// <summary>The same words to docker's own buildx and to `depot build`, with engines of the same version: what comes out must be the same.</summary>
public sealed partial class ParityTests(Site site)
{
    private const string Copied = "FROM {base}\nARG A=default\nENV B=$A\nLABEL l=1\nWORKDIR /w\nCOPY . .\nRUN echo \"$A\" > made\nCMD [\"/bin/sh\"]\n";
    private const string Broken = "FROM {base} AS one\nRUN echo before && exit 7\nFROM {base} AS two\nCOPY nothing-here /\nFROM {base} AS three\n"
        + "RUN --mount=type=secret,id=absent,required=true true\nFROM {base} AS four\nCOPY --from=nowhere /x /x\n";

    /// <summary>Dockerfile, arguments. Each case builds into an OCI archive.</summary>
    private static readonly (string Name, string Dockerfile, string Arguments)[] Images =
    [
        ("plain", Copied, ""),
        ("build-arg", Copied, "--build-arg A=given --build-arg FROM_ENV --label colour=green --label empty"),
        ("build-arg from the environment", "FROM {base}\nARG FROM_ENV\nARG UNSET=kept\nRUN echo $FROM_ENV $UNSET > /made\n", "--build-arg FROM_ENV --build-arg UNSET"),
        ("target", "FROM {base} AS a\nRUN echo a > /a\nFROM a AS b\nRUN false\n", "--target a --no-cache-filter a"),
        ("limits", "FROM {base}\nRUN ulimit -n > /n; df /dev/shm | tail -n 1 | awk '{print $2}' > /shm; grep wanted /etc/hosts > /hosts\n",
            "--ulimit nofile=512:1024 --shm-size 32m --add-host wanted:10.1.2.3 --add-host two=10.1.2.4"),
        ("network", "FROM {base}\nRUN ls /sys/class/net > /net\n", "--network none"),
        ("secrets", "FROM {base}\nRUN --mount=type=secret,id=a cat /run/secrets/a | wc -c > /a\nRUN --mount=type=secret,id=FROM_ENV,env=X echo ${#X} > /b\n",
            "--secret id=a,src={context}/file --secret id=FROM_ENV"),
        ("contexts", "FROM img AS img\nFROM {base}\nCOPY --from=folder file /folder\nCOPY --from=layout bin/busybox /busybox\nCOPY --from=img bin/busybox /img\n",
            "--build-context folder={context} --build-context layout=oci-layout://{layout} --build-context img=docker-image://{base}"),
        ("ignored", "FROM {base}\nCOPY . /all\n", "-f {context}/other/Dockerfile.special"),
        ("annotations", "FROM scratch\nCOPY file /\n",
            "--platform linux/amd64,linux/arm64 --annotation a=1 --annotation index:b=2 --annotation manifest[linux/amd64]:c=3 --annotation index,manifest-descriptor:d=4"),
        ("no attestation", Copied, "--provenance=false"),
        ("full provenance", Copied, "--provenance=mode=max"),
        ("attest", Copied, "--attest type=provenance,mode=min,version=v1"),
        ("several platforms", "FROM scratch\nARG TARGETARCH\nCOPY file /$TARGETARCH\n", "--platform linux/amd64,linux/arm64"),
        ("tags", Copied, "-t one/name:1 -t two"),
        ("pull", Copied, "--pull"),
        ("syntax check off", "# check=skip=all\nFROM {base}\nRUN true\n", "--call build"),
    ];

    /// <summary>Dockerfile, arguments. Each case must end with the same code, the same stdout, and the same error.</summary>
    private static readonly (string Name, string Dockerfile, string Arguments)[] Words =
    [
        ("a failing step", Broken, "--target one"),
        ("a file that is missing", Broken, "--target two"),
        ("a secret that is missing", Broken, "--target three"),
        ("a stage that is missing", Broken, "--target four"),
        ("a target that is missing", Broken, "--target five"),
        ("an unknown instruction", "FROM scratch\nFRUN x\n", ""),
        ("an empty Dockerfile", "\n", ""),
        ("an image that is missing", "FROM {registry}/absent:1\n", ""),
        ("check", "from scratch as Base\nENV password=x\nCOPY . /\nFROM scratch\n", "--check"),
        ("check without findings", "FROM scratch\nCOPY . /\n", "--call=check"),
        ("check of what cannot be read", "FROM scratch\nCOPY . /\n", "--check --target nope"),
        ("outline", "# the arg\nARG A=1\nFROM scratch AS one\nARG B\n", "--call outline"),
        ("targets", "FROM scratch AS one\n# the second\nFROM scratch AS two\n", "--call targets"),
        ("an unknown call", "FROM scratch\n", "--call lint,x=y"),
        ("an unknown flag", "FROM scratch\n", "--frob"),
        ("a flag without its value", "FROM scratch\n", "--tag"),
        ("a bad switch", "FROM scratch\n", "--pull=maybe"),
        ("a bad tag", "FROM scratch\n", "-t UPPER"),
        ("a bad platform", "FROM scratch\n", "--platform linux/foo/bar/baz"),
        ("a bad network", "FROM scratch\n", "--network x"),
        ("a bad host", "FROM scratch\n", "--add-host x"),
        ("a bad secret", "FROM scratch\n", "--secret x"),
        ("a secret without its file", "FROM scratch\n", "--secret id=x,src=/nonexistent"),
        ("a bad annotation", "FROM scratch\n", "--annotation x"),
        ("a bad attestation", "FROM scratch\n", "--attest x"),
        ("a bad build context", "FROM scratch\n", "--build-context x"),
        ("a build context that is missing", "FROM scratch\n", "--build-context x=/nonexistent"),
        ("a target of bake", "FROM scratch\n", "--build-context x=target:y"),
        ("a cache without a place", "FROM scratch\n", "--cache-from type=local"),
        ("a local cache to nowhere", "FROM scratch\n", "--cache-to type=local"),
        ("a local cache into a file", "FROM scratch\n", "--cache-to type=local,dest={context}/file"),
        ("a layout without a place", "FROM scratch\n", "-o type=oci,tar=false"),
        ("a layout into a file", "FROM scratch\n", "-o type=oci,tar=false,dest={context}/file"),
        ("two layouts", "FROM scratch\n", "-o type=oci,tar=false,dest={context}/1 -o type=oci,tar=false,dest={context}/2"),
        ("a registry cache without a reference", "FROM scratch\n", "--cache-to type=registry"),
        ("contradicting caches", "FROM scratch\n", "--no-cache --no-cache-filter x"),
        ("contradicting progress", "FROM scratch\n", "-q --progress=plain"),
        ("a push without a name", "FROM scratch\n", "--push"),
        ("an archive without a place", "FROM scratch\n", "-o type=local"),
        ("an entitlement that does not exist", "FROM scratch\n", "--allow x"),
        ("a bad size", "FROM scratch\n", "--shm-size x"),
        ("a bad limit", "FROM scratch\n", "--ulimit x"),
    ];

    [Fact]
    public async Task Images_are_the_same()
    {
        var differences = new StringBuilder();
        using var context = Context();
        foreach (var (name, dockerfile, arguments) in Images)
        {
            using var output = new WorkFolder();
            context.With("Dockerfile", Fill(dockerfile, context)).With("other/Dockerfile.special", Fill(dockerfile, context));
            string[] Archive(string tool) =>
                ["--progress=plain", "-o", $"type=oci,dest={output[tool]}.tar,rewrite-timestamp=true", "--metadata-file", output[tool] + ".json", "--iidfile", output[tool] + ".iid"];
            var results = await BothAsync(tool => [.. Archive(tool), .. Split(arguments, context), context.Path]);
            if (results.FirstOrDefault(result => result.ExitCode != 0) is { } failed)
            {
                differences.Append($"{name}: {failed.Command}\n{failed.Error}\n");
                continue;
            }

            Compare(name, ImageArchive.Read(output["buildx"] + ".tar").Describe(), ImageArchive.Read(output["depot"] + ".tar").Describe(), differences);
            Compare(name, Keys(output["buildx"] + ".json"), Keys(output["depot"] + ".json"), differences);
        }

        Assert.True(differences.Length == 0, differences.ToString());
    }

    /// <summary>Arguments that write an OCI layout into <c>{out}</c>, one after the other into the same one.</summary>
    private static readonly string[][] Layouts =
    [
        ["-o type=oci,tar=false,dest={out}", "-o type=oci,tar=false,dest={out} -t name/a:1 -t b", "-o type=oci,tar=false,dest={out} -t name/a:1 --label x=y"],
        ["-o type=oci,tar=false,dest={out}/below --platform linux/amd64,linux/arm64 --annotation index-descriptor:a=b --provenance=false"],
        ["-o type=cacheonly --cache-to type=local,dest={out},mode=max", "-o type=cacheonly --cache-to type=local,dest={out},tag=two --cache-from type=local,src={out}"],
    ];

    [Fact]
    public async Task Layouts_and_local_caches_are_the_same()
    {
        var differences = new StringBuilder();
        using var context = Context();
        context.With("Dockerfile", "FROM scratch\nCOPY file /file\n");
        foreach (var steps in Layouts)
        {
            using var output = new WorkFolder();
            foreach (var arguments in steps)
            {
                var results = await BothAsync(tool => [.. Split(arguments.Replace("{out}", output[tool], StringComparison.Ordinal), context), context.Path]);
                foreach (var result in results)
                {
                    result.MustSucceed();
                }

                Compare(arguments, Layout(output["buildx"]), Layout(output["depot"]), differences);
            }
        }

        Assert.True(differences.Length == 0, differences.ToString());
    }

    /// <summary>A layout's files with their modes, and its index. Digests are each engine's own.</summary>
    private static string Layout(string folder) => string.Join('\n', Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories)
        .Select(path => $"{Digest().Replace(Path.GetRelativePath(folder, path), "*")} {File.GetUnixFileMode(path)}")
        .Concat(Directory.GetFiles(folder, "index.json", SearchOption.AllDirectories).Select(path => Own().Replace(File.ReadAllText(path), "*")))
        .Order(StringComparer.Ordinal));

    /// <summary>Digests, the names that a session has for layouts, and those of our builders' copies of named folders.</summary>
    [GeneratedRegex("[0-9a-f]{64}|(?<=oci-layout://)[0-9a-z]+(:latest)?|,\\s*\"sharedkey:localdir:[^,}]+\"(?=[,\\s])")]
    private static partial Regex OneTime();

    [GeneratedRegex("[0-9a-f]{64}")]
    private static partial Regex Digest();

    [GeneratedRegex("[0-9a-f]{64}|(?<=\"size\":)[0-9]+|(?<=image.created\":\")[^\"]+")]
    private static partial Regex Own();

    [Fact]
    public async Task Words_and_exit_codes_are_the_same()
    {
        var differences = new StringBuilder();
        using var context = Context();
        foreach (var (name, dockerfile, arguments) in Words)
        {
            context.With("Dockerfile", Fill(dockerfile, context));
            var results = await BothAsync(_ => [.. Split(arguments, context), context.Path]);
            Compare(name, Outcome(results[0]), Outcome(results[1]), differences);
        }

        Assert.True(differences.Length == 0, differences.ToString());
    }

    private static void Compare(string name, string buildx, string depot, StringBuilder differences)
    {
        if (buildx != depot)
        {
            differences.Append($"{name}:\n- {buildx}\n+ {depot}\n");
        }
    }

    private WorkFolder Context() => new WorkFolder()
        .With("file", "from the context\n").With("sub/deep/file", "x").With("sub/kept.log", "x").With("drop.log", "x").With("other/file", "x")
        .With("other/Dockerfile.special.dockerignore", "*\n!sub\n# a remark\n**/*.log\n!**/kept.log\n");

    private string Fill(string text, WorkFolder context) => text
        .Replace("{base}", site.BaseImage, StringComparison.Ordinal).Replace("{registry}", site.Registry, StringComparison.Ordinal)
        .Replace("{context}", context.Path, StringComparison.Ordinal).Replace("{layout}", site.BaseLayout, StringComparison.Ordinal);

    private IEnumerable<string> Split(string arguments, WorkFolder context) => Fill(arguments, context).Split(' ', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>buildx's result, then ours.</summary>
    private Task<CommandResult[]> BothAsync(Func<string, string[]> arguments)
    {
        var environment = new Dictionary<string, string?> { ["SOURCE_DATE_EPOCH"] = "1700000000", ["FROM_ENV"] = "from the environment", ["BUILDX_METADATA_WARNINGS"] = "1" };
        return Task.WhenAll(
            RunningCommand.Start(Parts.Buildx, ["build", .. arguments("buildx")], site.With(environment)).WaitAsync(),
            site.StartDepot(["build", .. arguments("depot")], environment).WaitAsync());
    }

    private static string Keys(string metadataFile)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(metadataFile));

        // Ours names the server's record as well. Of what both say of the build, only digests and the one-time names of sessions differ.
        return string.Join('\n', document.RootElement.EnumerateObject().Where(entry => entry.Name != "depot.build").OrderBy(entry => entry.Name, StringComparer.Ordinal)
            .Select(entry => entry.Name == "buildx.build.warnings" || entry.Name.StartsWith("buildx.build.provenance", StringComparison.Ordinal)
                ? $"{entry.Name} {OneTime().Replace(entry.Value.GetRawText(), "").Replace("\\u0026", "&", StringComparison.Ordinal)}"
                : entry.Name));
    }

    /// <summary>Exit code, stdout, and of stderr the places in the Dockerfile and what follows <c>ERROR:</c> on its line.</summary>
    private static string Outcome(CommandResult result)
    {
        var text = new StringBuilder().Append(result.ExitCode).Append('\n').Append(result.Output);
        foreach (Match match in ErrorText().Matches(result.Error))
        {
            text.Append(match.Value).Append('\n');
        }

        return Meant().Replace(text.ToString(), "").Replace("docker-buildx: 'docker-buildx build'", "depot: 'depot build'", StringComparison.Ordinal);
    }

    /// <summary>Where the texts differ on purpose: ids that say nothing, the published client's hint, an advice that is not ours to give.</summary>
    [GeneratedRegex(@"failed to solve: failed to compute cache key: failed to calculate checksum of ref \S+: |\. Please check if the files exist in the context\.| - you can define a custom network .*$", RegexOptions.Multiline)]
    private static partial Regex Meant();

    [GeneratedRegex(@"^(ERROR: (?!.*\[).*|\S+:\d+\n-{20}\n(?:.*\n)*?-{20})$", RegexOptions.Multiline)]
    private static partial Regex ErrorText();
}
