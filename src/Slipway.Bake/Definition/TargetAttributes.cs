using Slipway.Bake.Values;

namespace Slipway.Bake.Definition;

/// <summary>The attributes of a <c>target</c> block: their names, their types, and where their values go.</summary>
internal static class TargetAttributes
{
    private static readonly HclType s_strings = HclType.List(HclType.String);
    private static readonly HclType s_map = HclType.Map(HclType.String);

    /// <summary>In the order in which <c>--print</c> has them.</summary>
    public static IReadOnlyList<TargetAttribute> All { get; } =
    [
        Text("description", (target, value) => target.Description = value),
        Strings("inherits", (target, value) => target.Inherits = value),
        Strings("annotations", (target, value) => target.Annotations = value),
        Entries("attest", AttestEntry.ValueType, (target, value) => target.Attest = AttestEntry.Read(value)),
        Text("context", (target, value) => target.Context = value),
        new("contexts", s_map, (target, value) => target.Contexts = Full(value)),
        Text("dockerfile", (target, value) => target.Dockerfile = value),
        Text("dockerfile-inline", (target, value) => target.DockerfileInline = value),
        new("args", s_map, (target, value) => target.Args = Map(value)),
        new("labels", s_map, (target, value) => target.Labels = Map(value)),
        Strings("tags", (target, value) => target.Tags = value),
        Entries("cache-from", CacheEntry.ValueType, (target, value) => target.CacheFrom = CacheEntry.Read(value)),
        Entries("cache-to", CacheEntry.ValueType, (target, value) => target.CacheTo = CacheEntry.Read(value)),
        Text("target", (target, value) => target.Stage = value),
        Entries("secret", SecretEntry.ValueType, (target, value) => target.Secrets = SecretEntry.Read(value)),
        Entries("ssh", SshEntry.ValueType, (target, value) => target.Ssh = SshEntry.Read(value)),
        Strings("platforms", (target, value) => target.Platforms = value),
        Entries("output", OutputEntry.ValueType, (target, value) => target.Outputs = OutputEntry.Read(value)),
        new("pull", HclType.Bool, (target, value) => target.Pull = value.Truth),
        new("no-cache", HclType.Bool, (target, value) => target.NoCache = value.Truth),
        Text("network", (target, value) => target.Network = value),
        Strings("no-cache-filter", (target, value) => target.NoCacheFilter = value),
        Text("shm-size", (target, value) => target.ShmSize = value),
        Strings("ulimits", (target, value) => target.Ulimits = value),
        Text("call", (target, value) => target.Call = value),
        Strings("entitlements", (target, value) => target.Entitlements = value),
        new("extra-hosts", s_map, (target, value) => target.ExtraHosts = Map(value)),
        Text("project_id", (target, value) => target.ProjectId = value),
    ];

    public static TargetAttribute? Find(string name) => All.FirstOrDefault(attribute => attribute.Name == name);

    private static TargetAttribute Text(string name, Action<Target, string> set) => new(name, HclType.String, (target, value) => set(target, value.Text));

    private static TargetAttribute Strings(string name, Action<Target, List<string>> set) => new(name, s_strings, (target, value) =>
        set(target, [.. value.Items.Select(item => item.IsNull ? throw new ConversionException("string required, but an element is null") : item.Text)]));

    /// <summary>Its elements convert themselves: each may be text or an object.</summary>
    private static TargetAttribute Entries(string name, HclType element, Action<Target, HclValue> set) => new(name, HclType.List(element), set) { ReadsItself = true };

    private static SortedDictionary<string, string?> Map(HclValue value)
    {
        var map = new SortedDictionary<string, string?>(StringComparer.Ordinal);
        foreach (var (key, entry) in value.Entries)
        {
            map[key] = entry.IsNull ? null : entry.Text;
        }

        return map;
    }

    private static SortedDictionary<string, string> Full(HclValue value)
    {
        var map = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, entry) in value.Entries)
        {
            map[key] = entry.IsNull ? throw new ConversionException($"string required, but \"{key}\" is null") : entry.Text;
        }

        return map;
    }
}

/// <summary>One attribute of a target.</summary>
internal sealed record TargetAttribute(string Name, HclType Type, Action<Target, HclValue> Set)
{
    public bool ReadsItself { get; init; }
}
