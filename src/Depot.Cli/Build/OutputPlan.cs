using Depot.Cli.Flags;

namespace Depot.Cli.Build;

/// <summary>One exporter of a build, and where on this machine its bytes go.</summary>
internal sealed record OutputPlan(string Type, Dictionary<string, string> Attributes, OutputTarget Target, string Destination)
{
    /// <summary>The local Docker names its images by manifest digest: the config digest in the answer is not the image's id.</summary>
    public bool PreferImageDigest { get; init; }

    public bool Pushes => Type == "image" && FlagTable.TryParseBool(Attributes.GetValueOrDefault("push", "")) == true;
}

/// <summary>Where an exporter's bytes go.</summary>
internal enum OutputTarget
{
    /// <summary>Nowhere on this machine: a registry, or the builder's own store.</summary>
    Builder,
    File,
    StandardOutput,
    Folder,

    /// <summary>The local Docker.</summary>
    Docker,
}
