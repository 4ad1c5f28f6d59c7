using Slipway.Bake.Definition;

namespace Slipway.Bake.Compose;

/// <summary>Refuses what the Compose specification does not know, as far as a build reads it: a misspelt key must not be passed over.</summary>
internal static class ComposeSchema
{
    private static readonly string[] s_build =
    [
        "additional_contexts", "args", "cache_from", "cache_to", "context", "dockerfile", "dockerfile_inline", "entitlements", "extra_hosts", "isolation", "labels",
        "network", "no_cache", "no_cache_filter", "platforms", "privileged", "provenance", "pull", "sbom", "secrets", "shm_size", "ssh", "tags", "target", "ulimits",
    ];

    private static readonly string[] s_lists = ["tags", "platforms", "cache_from", "cache_to", "secrets"];
    private static readonly string[] s_texts = ["context", "dockerfile", "dockerfile_inline", "network", "target"];

    /// <exception cref="BakeException">There are keys or forms that are none.</exception>
    public static void Check(YamlMap model)
    {
        if (model.Find("services") is { } services)
        {
            var entries = Map(services, "services").Entries.Where(entry => entry.Value is not YamlText { IsNull: true });
            BakeException.ThrowIfAny(entries.SelectMany(entry => FaultsOf($"services.{entry.Key}", entry.Value)));
        }
    }

    private static IEnumerable<string> FaultsOf(string path, YamlValue service) =>
        service is not YamlMap map ? [$"{path} must be a mapping"]
        : map.Find("build") is { } build ? FaultsOfBuild($"{path}.build", build)
        : [];

    private static IEnumerable<string> FaultsOfBuild(string path, YamlValue build)
    {
        if (build is not YamlMap map)
        {
            return build is YamlText ? [] : [$"{path} must be a string or a mapping"];
        }

        var unknown = map.Keys.Where(key => !s_build.Contains(key) && !key.StartsWith("x-", StringComparison.Ordinal));
        return
        [
            .. unknown.Select(key => $"{path} additional properties '{key}' not allowed"),
            .. s_lists.Where(key => map.Find(key) is not (null or YamlList)).Select(key => $"{path}.{key} must be a list"),
            .. s_texts.Where(key => map.Find(key) is not (null or YamlText)).Select(key => $"{path}.{key} must be a string"),
        ];
    }

    private static YamlMap Map(YamlValue value, string path) => value as YamlMap ?? throw new BakeException($"{path} must be a mapping");
}
