using Slipway.BuildKit.Compression;

namespace Depot.Cli.Build;

/// <summary>What the user said on the command line of <c>depot build</c>, word for word: nothing resolved, nothing checked.</summary>
internal sealed class BuildArguments
{
    public string Context { get; set; } = "";

    public string File { get; set; } = "";

    public List<string> AddHosts { get; } = [];

    public List<string> Allow { get; } = [];

    public List<string> Annotations { get; } = [];

    public List<string> Attests { get; } = [];

    public List<string> BuildArgs { get; } = [];

    public List<string> BuildContexts { get; } = [];

    public List<string> CacheFrom { get; } = [];

    public List<string> CacheTo { get; } = [];

    public List<string> Labels { get; } = [];

    public List<string> NoCacheFilter { get; } = [];

    public List<string> Outputs { get; } = [];

    public List<string> Platforms { get; } = [];

    public List<string> Resources { get; } = [];

    public List<string> SaveTags { get; } = [];

    public List<string> Secrets { get; } = [];

    public List<string> Ssh { get; } = [];

    public List<string> Tags { get; } = [];

    public List<string> Ulimits { get; } = [];

    public string BuildPlatform { get; set; } = "dynamic";

    public string Call { get; set; } = "";

    public string CgroupParent { get; set; } = "";

    public string IidFile { get; set; } = "";

    public string LintFailOn { get; set; } = "error";

    public string MetadataFile { get; set; } = "";

    public string Network { get; set; } = "default";

    public string Progress { get; set; } = "auto";

    public string Project { get; set; } = "";

    public string Provenance { get; set; } = "";

    public string SbomFolder { get; set; } = "";

    /// <summary>Whose SBOMs they are, where several targets are built; no flag.</summary>
    public string SbomTarget { get; set; } = "";

    public string Sbom { get; set; } = "";

    public string Target { get; set; } = "";

    public string Token { get; set; } = "";

    public long ShmSizeBytes { get; set; }

    public bool Lint { get; set; }

    public bool Load { get; set; }

    public bool NoCache { get; set; }

    public bool Pull { get; set; }

    public bool Push { get; set; }

    public bool Quiet { get; set; }

    public bool Save { get; set; }

    public bool? StableTimes { get; set; }

    public CompressionMode? Compression { get; set; }

    public bool? SuppressNoOutputWarning { get; set; }
}
