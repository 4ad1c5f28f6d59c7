namespace Depot.Cli.Build;

/// <summary>Where SBOMs go on this machine, under the published client's names: those of what there are several of.</summary>
/// <param name="Target">Empty where only one is built.</param>
internal sealed record SbomPlace(string Folder, string Target, bool HasPlatforms)
{
    /// <param name="platform">As a file name takes it.</param>
    /// <param name="number">Counts the scans of one platform: the image's own is the first.</param>
    public string PathOf(string platform, int number)
    {
        string[] parts = [Target, HasPlatforms ? platform : ""];
        var name = string.Join('_', parts.Where(part => part.Length > 0));
        return Path.Combine(Folder, $"{(name.Length > 0 ? name : "sbom")}{(number == 0 ? "" : $"_{number + 1}")}.spdx.json");
    }
}
