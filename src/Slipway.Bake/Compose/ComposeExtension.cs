using Slipway.Bake.Definition;

namespace Slipway.Bake.Compose;

/// <summary><c>x-bake</c> under a service's <c>build</c>: what Compose itself has no word for.</summary>
internal static class ComposeExtension
{
    public static void Apply(Target target, YamlValue? extension)
    {
        if (extension is not YamlMap map)
        {
            return;
        }

        target.Tags = Added(target.Tags, Strings(map, "tags"));
        target.Platforms = Added(target.Platforms, Strings(map, "platforms"));
        target.NoCacheFilter = Added(target.NoCacheFilter, Strings(map, "no-cache-filter"));
        target.CacheFrom = Entries.Distinct(Target.Append(target.CacheFrom, Strings(map, "cache-from")?.SelectMany(CacheEntry.Parse).ToList()), entry => entry.Text);
        target.CacheTo = Entries.Distinct(Target.Append(target.CacheTo, Strings(map, "cache-to")?.SelectMany(CacheEntry.Parse).ToList()), entry => entry.Text);
        target.Secrets = Entries.LastOfEach(Target.Append(target.Secrets, Strings(map, "secret")?.ConvertAll(SecretEntry.Parse)), entry => entry.Id);
        target.Ssh = Entries.LastOfEach(Target.Append(target.Ssh, Strings(map, "ssh")?.ConvertAll(SshEntry.Parse)), entry => entry.Id)?.OrderBy(entry => entry.Id, StringComparer.Ordinal).ToList();
        target.Outputs = Entries.Distinct(Target.Append(target.Outputs, Strings(map, "output")?.ConvertAll(OutputEntry.Parse)), entry => entry.Text);
        target.Pull = (map.Find("pull") as YamlText)?.Truth ?? target.Pull;
        target.NoCache = (map.Find("no-cache") as YamlText)?.Truth ?? target.NoCache;
        foreach (var (name, context) in (map.Find("contexts") as YamlMap)?.Entries ?? [])
        {
            (target.Contexts ??= new(StringComparer.Ordinal)).TryAdd(name, Context((context as YamlText)?.Text ?? ""));
        }
    }

    /// <summary>A context may name another service.</summary>
    public static string Context(string value)
    {
        var link = value.StartsWith("service:", StringComparison.Ordinal) || value.StartsWith("target:", StringComparison.Ordinal);
        return link ? $"target:{TargetName.From(value[(value.IndexOf(':', StringComparison.Ordinal) + 1)..])}" : value;
    }

    private static List<string>? Added(List<string>? first, List<string>? second) =>
        second is null ? first : [.. (first ?? []).Concat(second).Distinct(StringComparer.Ordinal)];

    /// <summary>A list, or words in one string.</summary>
    private static List<string>? Strings(YamlMap map, string key) => map.Find(key) switch
    {
        YamlList list => [.. list.Items.OfType<YamlText>().Select(item => item.Text)],
        YamlText text => [.. text.Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)],
        _ => null,
    };
}
