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

    /// <exception cref="BakeException">There is a key or a form that is none.</exception>
    public static void Check(YamlMap model)
    {
        if (model.Find("services") is not { } services)
        {
            return;
        }

        foreach (var (name, service) in Map(services, "services").Entries.Where(entry => entry.Value is not YamlText { IsNull: true }))
        {
            if (Map(service, $"services.{name}").Find("build") is { } build)
            {
                CheckBuild(build, $"services.{name}.build");
            }
        }
    }

    private static void CheckBuild(YamlValue build, string path)
    {
        if (build is YamlText)
        {
            return;
        }

        var map = build as YamlMap ?? throw new BakeException($"{path} must be a string or a mapping");
        if (map.Keys.FirstOrDefault(key => !s_build.Contains(key) && !key.StartsWith("x-", StringComparison.Ordinal)) is { } unknown)
        {
            throw new BakeException($"{path} additional properties '{unknown}' not allowed");
        }

        foreach (var key in new[] { "tags", "platforms", "cache_from", "cache_to", "secrets" }.Where(key => map.Find(key) is not (null or YamlList)))
        {
            throw new BakeException($"{path}.{key} must be a list");
        }

        foreach (var key in new[] { "context", "dockerfile", "dockerfile_inline", "network", "target" }.Where(key => map.Find(key) is not (null or YamlText)))
        {
            throw new BakeException($"{path}.{key} must be a string");
        }
    }

    private static YamlMap Map(YamlValue value, string path) => value as YamlMap ?? throw new BakeException($"{path} must be a mapping");
}
