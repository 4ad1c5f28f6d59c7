using Depot.Cli.Flags;

namespace Depot.Cli.Build;

/// <summary>How much of a build's provenance goes into its metadata file (<c>BUILDX_METADATA_PROVENANCE</c>).</summary>
internal enum MetadataProvenance
{
    None,
    Min,
    Max,
}

/// <summary>buildx's words for it.</summary>
internal static class MetadataProvenances
{
    /// <summary>What is not understood means the default, as with buildx.</summary>
    public static MetadataProvenance Parse(string? text) => text switch
    {
        "max" => MetadataProvenance.Max,
        "disabled" => MetadataProvenance.None,
        not null when FlagTable.TryParseBool(text) == false => MetadataProvenance.None,
        _ => MetadataProvenance.Min,
    };
}
