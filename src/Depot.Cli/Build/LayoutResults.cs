using System.Text;
using Depot.Cli.Registries;
using Slipway.BuildKit.Content;

namespace Depot.Cli.Build;

/// <summary>Names what the builders have put into this machine's OCI layouts: the image, and caches.</summary>
internal sealed class LayoutResults(IReadOnlyList<SolveAnswer> shares, TimeProvider clock)
{
    private const string CacheManifest = "cache.manifest";

    /// <summary>Where several builders take part, the last one's cache has the name, as with buildx; the others' layers are there as well.</summary>
    public async Task WriteCacheAsync(CacheSpec cache, CancellationToken cancellation)
    {
        foreach (var share in shares)
        {
            if (share.Exported.TryGetValue(CacheManifest, out var manifest))
            {
                await new LayoutIndex(LocalCache.Destination(cache), clock).PutAsync(manifest, [LocalCache.Name(cache)], cancellation);
            }
        }
    }

    /// <returns>What an exporter would say of the image.</returns>
    public async Task<IReadOnlyDictionary<string, string>> WriteImageAsync(OutputPlan output, CancellationToken cancellation)
    {
        var layout = new OciLayout(output.Destination);
        var image = shares.Count == 1 ? shares[0].Exported : await MergeAsync(layout, cancellation);
        await new LayoutIndex(layout, clock).PutAsync(Descriptor(image), Names(image), cancellation);
        return image;
    }

    /// <summary>One index of what every share's has.</summary>
    private async Task<IReadOnlyDictionary<string, string>> MergeAsync(OciLayout layout, CancellationToken cancellation)
    {
        var indexes = new List<RegistryDocument>();
        foreach (var digest in shares.Select(share => share.Exported[BuildResult.ImageDigest]).Distinct())
        {
            indexes.Add(new RegistryDocument("", await File.ReadAllBytesAsync(layout.PathOf(digest)!, cancellation)));
        }

        var merged = ManifestList.Merge(indexes);
        var offer = new BlobOffer("index", merged.Digest, merged.Content.Length);
        await layout.PutAsync(offer, merged.Content, cancellation);
        return ManifestList.Describe(merged, shares[0].Exported.GetValueOrDefault(BuildResult.ImageName, ""));
    }

    private static string Descriptor(IReadOnlyDictionary<string, string> image) => Encoding.UTF8.GetString(Convert.FromBase64String(image[BuildResult.ImageDescriptor]));

    private static IEnumerable<LayoutName> Names(IReadOnlyDictionary<string, string> image) =>
        image.GetValueOrDefault(BuildResult.ImageName, "") is { Length: > 0 } names
            ? names.Split(',').Select(LayoutName.OfImage)
            : [LayoutName.OfTag("latest")];
}
