using Depot.Cli.Flags;
using Slipway.BuildKit.Compression;

namespace Depot.Cli.Build;

/// <summary>The flags of <c>depot build</c>: buildx's, then Depot's, then those that Docker once had and that mean nothing here.</summary>
internal static class BuildFlags
{
    /// <summary>A table that writes into <paramref name="into"/>.</summary>
    public static FlagTable Table(BuildArguments into)
    {
        var table = new FlagTable();
        AddInputs(table, into);
        AddExecution(table, into);
        AddOutputs(table, into);
        AddDepot(table, into);
        AddIgnored(table);
        return table;
    }

    private static void AddInputs(FlagTable table, BuildArguments into) => table
        .Many("build-arg", null, "Set build-time variables", into.BuildArgs)
        .Many("build-context", null, "Additional build contexts (e.g., name=path)", into.BuildContexts)
        .Text("file", 'f', "Name of the Dockerfile (default: \"PATH/Dockerfile\")", value => into.File = value)
        .Many("platform", null, "Set target platform for build", into.Platforms)
        .Many("secret", null, "Secret to expose to the build (format: \"id=mysecret[,src=/local/secret]\")", into.Secrets)
        .Many("ssh", null, "SSH agent socket or keys to expose to the build (format: \"default|<id>[=<socket>|<key>[,<key>]]\")", into.Ssh)
        .Text("target", null, "Set the target build stage to build", value => into.Target = value);

    private static void AddExecution(FlagTable table, BuildArguments into) => table
        .Csv("add-host", null, "Add a custom host-to-IP mapping (format: \"host:ip\")", into.AddHosts)
        .Many("allow", null, "Allow extra privileged entitlement (e.g., \"network.host\", \"security.insecure\", \"device\")", into.Allow)
        .Many("cache-from", null, "External cache sources (e.g., \"user/app:cache\", \"type=registry,ref=user/app:cache\")", into.CacheFrom)
        .Many("cache-to", null, "Cache export destinations (e.g., \"user/app:cache\", \"type=registry,ref=user/app:cache\")", into.CacheTo)
        .Text("call", null, "Set method for evaluating build (\"check\", \"outline\", \"targets\") (default \"build\")", value => into.Call = value)
        .Switch("check", null, "Shorthand for \"--call=check\"", value => into.Call = value ? "check" : into.Call)
        .Text("cgroup-parent", null, "Set the parent cgroup for the \"RUN\" instructions during build", value => into.CgroupParent = value)
        .Text("network", null, "Set the networking mode for the \"RUN\" instructions during build (default \"default\")", value => into.Network = value)
        .Switch("no-cache", null, "Do not use cache when building the image", value => into.NoCache = value)
        .Many("no-cache-filter", null, "Do not cache specified stages", into.NoCacheFilter)
        .Switch("pull", null, "Always attempt to pull all referenced images", value => into.Pull = value)
        .Text("shm-size", null, "Shared memory size for build containers", value => into.ShmSizeBytes = MemorySize.Parse(value), "bytes")
        .Text("ulimit", null, "Ulimit options", value => into.Ulimits.Add(Ulimit.Parse(value)), "ulimit");

    private static void AddOutputs(FlagTable table, BuildArguments into) => table
        .Many("annotation", null, "Add annotation to the image", into.Annotations)
        .Many("attest", null, "Attestation parameters (format: \"type=sbom,generator=image\")", into.Attests)
        .Text("iidfile", null, "Write the image ID to a file", value => into.IidFile = value)
        .Many("label", null, "Set metadata for an image", into.Labels)
        .Switch("load", null, "Shorthand for \"--output=type=docker\"", value => into.Load = value)
        .Text("metadata-file", null, "Write build result metadata to a file", value => into.MetadataFile = value)
        .Many("output", 'o', "Output destination (format: \"type=local,dest=path\")", into.Outputs)
        .Text("progress", null, "Set type of progress output (\"auto\", \"none\", \"plain\", \"quiet\", \"rawjson\", \"tty\") (default \"auto\")", value => into.Progress = value)
        .Text("provenance", null, "Shorthand for \"--attest=type=provenance\"", value => into.Provenance = value)
        .Switch("push", null, "Shorthand for \"--output=type=registry\"", value => into.Push = value)
        .Switch("quiet", 'q', "Suppress the build output and print image ID on success", value => into.Quiet = value)
        .Text("sbom", null, "Shorthand for \"--attest=type=sbom\"", value => into.Sbom = value)
        .Many("tag", 't', "Image identifier (format: \"[registry/]repository[:tag]\")", into.Tags);

    private static void AddDepot(FlagTable table, BuildArguments into) => table
        .Text("builder", null, "Accepted for buildx's sake: the project's builder is used", _ => { })
        .Switch("compress", null, "Compress the build context using gzip (default: where the line is slow)", value => into.Compression = value ? CompressionMode.Always : CompressionMode.Never)
        .Switch("debug", 'D', "Enable debug logging", _ => { })
        .Switch("lint", null, "Check the Dockerfile before it is built", value => into.Lint = value)
        .Text("lint-fail-on", null, "What of the check ends the build (\"info\", \"warn\", \"error\", \"none\") (default \"error\")", value => into.LintFailOn = value)
        .Text("print", null, "", value => into.Call = value, hidden: true)
        .Text("sbom-dir", null, "Directory that receives the image's SBOMs", value => into.SbomFolder = value)
        .Text("build-platform", null, "Run builds on this platform (\"dynamic\", \"linux/amd64\", \"linux/arm64\") (default \"dynamic\")", value => into.BuildPlatform = value)
        .Text("project", null, "Depot project ID", value => into.Project = value)
        .Switch("stable-times", null, "Date files by their contents, so that a fresh clone sends only what changed", value => into.StableTimes = value)
        .Text("token", null, "Depot API token", value => into.Token = value)
        .Switch("save", null, "Saves the build to the server's registry", value => into.Save = value)
        .Many("save-tag", null, "Additional custom tag for the saved image, use with --save", into.SaveTags)
        .Switch("suppress-no-output-warning", null, "", value => into.SuppressNoOutputWarning = value, hidden: true);

    private static void AddIgnored(FlagTable table)
    {
        foreach (var (name, letter) in new (string, char?)[]
        {
            ("memory", 'm'), ("memory-swap", null), ("cpu-shares", 'c'), ("cpu-period", null), ("cpu-quota", null), ("cpuset-cpus", null),
            ("cpuset-mems", null),
        })
        {
            table.Text(name, letter, "", _ => { }, hidden: true);
        }

        table.Switch("rm", null, "", _ => { }, hidden: true)
            .Switch("force-rm", null, "", _ => { }, hidden: true)
            .Switch("squash", null, "", _ => { }, hidden: true, warning: "experimental flag squash is removed with BuildKit. You should squash inside build using a multi-stage Dockerfile for efficiency.")
            .Text("isolation", null, "", _ => { }, hidden: true, warning: "isolation flag is deprecated with BuildKit.")
            .Text("security-opt", null, "", _ => { }, hidden: true, warning: "security-opt flag is deprecated. \"RUN --security=insecure\" should be used with BuildKit.");
    }
}
