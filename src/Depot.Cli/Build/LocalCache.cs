using Slipway.BuildKit.Content;

namespace Depot.Cli.Build;

/// <summary>What a cache entry needs of this machine: <c>type=local</c> is a folder here, an OCI layout.</summary>
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

    /// <summary>The entry with its folder, which is there then.</summary>
    public static CacheSpec ForExport(CacheSpec cache, string workingFolder)
    {
        CheckReference(cache, "exporter");
        if (cache.Type != Type)
        {
            return cache;
        }

        var given = Required(cache, "dest", "exporter");
        var destination = Path.GetFullPath(given, workingFolder);
        try
        {
            Directory.CreateDirectory(destination);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"mkdir {given}: {(File.Exists(destination) ? "not a directory" : problem.Message)}", inner: problem);
        }

        return cache with { Attributes = new Dictionary<string, string>(cache.Attributes, StringComparer.Ordinal) { ["dest"] = destination } };
    }

    /// <summary>The folder of a cache that is exported to this machine.</summary>
    public static OciLayout Destination(CacheSpec cache) => new(cache.Attributes["dest"]);

    /// <summary>The name by which the folder knows it.</summary>
    public static LayoutName Name(CacheSpec cache) => LayoutName.OfTag(cache.Attributes.GetValueOrDefault("tag", DefaultTag));

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
