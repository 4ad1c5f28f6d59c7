namespace Depot.Cli.Bake;

/// <summary>What the user said on the command line of <c>depot bake</c>, word for word.</summary>
internal sealed class BakeArguments
{
    public List<string> Targets { get; } = [];

    public List<string> Files { get; } = [];

    /// <summary>The files were named by a variable and not by a flag.</summary>
    public bool FilesFromEnvironment { get; set; }

    public List<string> Overrides { get; } = [];

    public List<string> Variables { get; } = [];

    public List<string> Allow { get; } = [];

    public List<string> SaveTags { get; } = [];

    public string BuildPlatform { get; set; } = "dynamic";

    public string Call { get; set; } = "build";

    public string LintFailOn { get; set; } = "error";

    public string List { get; set; } = "";

    public string MetadataFile { get; set; } = "";

    public string Progress { get; set; } = "auto";

    public string Project { get; set; } = "";

    public string Provenance { get; set; } = "";

    public string Sbom { get; set; } = "";

    public string SbomFolder { get; set; } = "";

    public string Token { get; set; } = "";

    public bool Lint { get; set; }

    public bool Load { get; set; }

    public bool Print { get; set; }

    public bool Push { get; set; }

    public bool Save { get; set; }

    public bool? NoCache { get; set; }

    public bool? Pull { get; set; }

    public bool? SuppressNoOutputWarning { get; set; }
}
