using Depot.Cli.Flags;

namespace Depot.Cli.Build;

/// <summary>One exporter of a build, and where on this machine its bytes go.</summary>
internal sealed record OutputPlan(string Type, Dictionary<string, string> Attributes, OutputTarget Target, string Destination)
{
    /// <summary>The local Docker names its images by manifest digest: the config digest in the answer is not the image's id.</summary>
    public bool PreferImageDigest { get; init; }

    /// <summary>The images' names, each with its tag.</summary>
    public IReadOnlyList<string> Names => Attributes.GetValueOrDefault("name", "").Split(',', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The output of one builder's share of several.</summary>
    public OutputPlan ForShare()
    {
        if (Type == "docker" && Target is (OutputTarget.File or OutputTarget.StandardOutput or OutputTarget.Layout))
        {
            throw new CliException("failed to build: docker exporter does not currently support exporting manifest lists")
            {
                Remedy = "Write one platform, or an archive that holds several: type=oci.",
            };
        }

        if (!Pushes)
        {
            return this;
        }

        var repositories = Names.Select(name => ImageReference.Repository(name)).Distinct(StringComparer.Ordinal);
        return this with
        {
            Attributes = new(Attributes, StringComparer.Ordinal) { ["name"] = string.Join(',', repositories), ["push-by-digest"] = "true" },
        };
    }

    /// <summary>The image under the names that the server gives it, besides those that the user pushes; without such a push in their place.</summary>
    public OutputPlan SavedAs(IReadOnlyList<string> names) => Type != "image" ? this : this with
    {
        Attributes = new(Attributes, StringComparer.Ordinal)
        {
            ["name"] = string.Join(',', Pushes ? Names.Concat(names) : names), ["push"] = "true", ["unpack"] = "false",
        },
    };

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

    /// <summary>An OCI image layout on this machine.</summary>
    Layout,

    /// <summary>The local Docker.</summary>
    Docker,

    /// <summary>The folder for SBOMs, of all that is in the image.</summary>
    Sboms,
}
