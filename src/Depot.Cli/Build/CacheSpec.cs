using Depot.Cli.Flags;
using Depot.Cli.Settings;
using Slipway.BuildKit;

namespace Depot.Cli.Build;

/// <summary>One <c>--cache-from</c> or <c>--cache-to</c>.</summary>
internal sealed record CacheSpec(string Type, Dictionary<string, string> Attributes)
{
    /// <summary>A value without <c>=</c> is one image reference, or several separated by commas.</summary>
    public static IEnumerable<CacheSpec> ParseAll(IEnumerable<string> values) =>
        values.Where(value => value.Length > 0).SelectMany(value =>
            value.Contains('=', StringComparison.Ordinal) ? [Parse(value)] : CsvFields.Parse(value).Select(Registry));

    private static CacheSpec Registry(string reference) => new("registry", new(StringComparer.Ordinal) { ["ref"] = reference });

    private static CacheSpec Parse(string text)
    {
        var type = "";
        var attributes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in AttributeFields.Pairs(CsvFields.Parse(text)))
        {
            if (key == "type")
            {
                type = value;
            }
            else
            {
                attributes[key] = value;
            }
        }

        return type switch
        {
            "" => throw new CliException($"type required for {GoText.Quote(text)}"),
            _ => new CacheSpec(type, attributes),
        };
    }

    /// <summary>The entry with the credentials that its backend takes from the client's environment; null when it cannot be active here.</summary>
    public CacheSpec? WithCredentials(CliSettings settings) => Type switch
    {
        "gha" => WithGitHub(settings),
        "s3" => WithVariables(settings, ("access_key_id", "AWS_ACCESS_KEY_ID"), ("secret_access_key", "AWS_SECRET_ACCESS_KEY"), ("session_token", "AWS_SESSION_TOKEN")),
        _ => this,
    };

    private CacheSpec? WithGitHub(CliSettings settings)
    {
        var entry = WithVariables(settings, ("token", "ACTIONS_RUNTIME_TOKEN"), ("url", "ACTIONS_CACHE_URL"), ("url", "ACTIONS_RESULTS_URL"));
        var version = entry.Attributes.GetValueOrDefault("version")
            ?? (settings.Variable("ACTIONS_CACHE_SERVICE_V2") is { } v && FlagTable.TryParseBool(v) == true ? "2" : "");
        if (version == "2")
        {
            entry = entry.WithVariables(settings, ("url_v2", "ACTIONS_RESULTS_URL"));
        }

        return entry.Has("token") && (entry.Has("url") || entry.Has("url_v2")) ? entry : null;
    }

    private bool Has(string key) => Attributes.GetValueOrDefault(key) is { Length: > 0 };

    private CacheSpec WithVariables(CliSettings settings, params (string Key, string Variable)[] sources)
    {
        var attributes = new Dictionary<string, string>(Attributes, StringComparer.Ordinal);
        foreach (var (key, variable) in sources)
        {
            if (!attributes.ContainsKey(key) && settings.Variable(variable) is { Length: > 0 } value)
            {
                attributes[key] = value;
            }
        }

        return this with { Attributes = attributes };
    }
}
