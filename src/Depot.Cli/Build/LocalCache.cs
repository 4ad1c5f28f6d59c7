using Slipway.BuildKit.Content;

namespace Depot.Cli.Build;

/// <summary>What a cache entry needs of this machine before a builder hears of it: <c>type=local</c> is a folder here, an OCI layout.</summary>
internal static class LocalCache
{
    public const string Type = "local";

    private const string DefaultTag = "latest";

    /// <summary>The entry with what its tag stands for now; null when there is nothing yet, as on a first build.</summary>
    public static CacheSpec? ForImport(CacheSpec cache, string workingFolder, Action<string> warn)
    {
        CheckReference(cache, "importer");
        if (cache.Type != Type)
        {
            return cache;
        }

        var source = Path.GetFullPath(Required(cache, "src", "importer"), workingFolder);
        var attributes = new Dictionary<string, string>(cache.Attributes, StringComparer.Ordinal) { ["src"] = source };
        if (!attributes.ContainsKey("digest"))
        {
            try
            {
                attributes["digest"] = new OciLayout(source).FindDigest(attributes.GetValueOrDefault("tag", DefaultTag))
                    ?? throw new CliException("local cache importer requires either explicit digest, \"latest\" tag or custom tag on index.json");
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
            {
                warn($"local cache import at {source} not found due to err: {problem.Message}");
                return null;
            }
        }

        return cache with { Attributes = attributes };
    }

    public static CacheSpec ForExport(CacheSpec cache)
    {
        CheckReference(cache, "exporter");
        if (cache.Type != Type)
        {
            return cache;
        }

        Required(cache, "dest", "exporter");
        throw new CliException("cache type local is not supported yet for --cache-to")
        {
            Remedy = "The builder keeps the project's cache by itself; to share one, use type=registry.",
        };
    }

    private static void CheckReference(CacheSpec cache, string role)
    {
        if (cache.Type == "registry")
        {
            Required(cache, "ref", role);
        }
    }

    private static string Required(CacheSpec cache, string key, string role) =>
        cache.Attributes.GetValueOrDefault(key) is { Length: > 0 } value ? value : throw new CliException($"{cache.Type} cache {role} requires {key}");
}
