using System.Text;
using Slipway.BuildKit.Content;

namespace Depot.Cli.Build;

/// <summary>Names what the builder has put into this machine's OCI layouts: the image, and caches.</summary>
internal static class LayoutResults
{
    private const string CacheManifest = "cache.manifest";

    /// <param name="shares">What each builder answered.</param>
    public static async Task WriteAsync(BuildPlan plan, IReadOnlyList<SolveAnswer> shares, TimeProvider clock, CancellationToken cancellation)
    {
        try
        {
            foreach (var cache in plan.LocalCacheExports)
            {
                await WriteCacheAsync(cache, shares, clock, cancellation);
            }

            if (plan.Outputs.FirstOrDefault(output => output.Target == OutputTarget.Layout) is { } output)
            {
                var index = new LayoutIndex(new OciLayout(output.Destination), clock);
                await index.PutAsync(Descriptor(shares[0].Exported), Names(shares[0].Exported), cancellation);
            }
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"failed to build: {problem.Message}", inner: problem);
        }
    }

    /// <summary>Where several builders take part, the last one's cache has the name, as with buildx; the others' layers are there as well.</summary>
    private static async Task WriteCacheAsync(CacheSpec cache, IReadOnlyList<SolveAnswer> shares, TimeProvider clock, CancellationToken cancellation)
    {
        foreach (var share in shares)
        {
            if (share.Exported.TryGetValue(CacheManifest, out var manifest))
            {
                await new LayoutIndex(LocalCache.Destination(cache), clock).PutAsync(manifest, [LocalCache.Name(cache)], cancellation);
            }
        }
    }

    private static string Descriptor(IReadOnlyDictionary<string, string> exported) =>
        Encoding.UTF8.GetString(Convert.FromBase64String(exported[BuildResult.ImageDescriptor]));

    private static IEnumerable<LayoutName> Names(IReadOnlyDictionary<string, string> exported) =>
        exported.GetValueOrDefault(BuildResult.ImageName, "") is { Length: > 0 } names
            ? names.Split(',').Select(LayoutName.OfImage)
            : [LayoutName.OfTag("latest")];
}
