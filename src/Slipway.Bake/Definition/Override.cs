using Slipway.Bake.Values;

namespace Slipway.Bake.Definition;

/// <summary><c>--set pattern.key=value</c>: one value, or those of several flags for one key.</summary>
internal sealed class Override
{
    private static readonly string[] s_named = ["args", "contexts", "labels", "extra-hosts"];

    private Override(string pattern, string key, string? name)
    {
        Pattern = pattern;
        Key = key;
        Name = name;
    }

    public string Pattern { get; }

    public string Key { get; }

    /// <summary>What follows the key: of an argument, a label, a context.</summary>
    public string? Name { get; }

    public List<string> Values { get; } = [];

    /// <summary><c>key+=value</c>.</summary>
    public bool Adds { get; private set; }

    private string Value => Values.Count > 0 ? Values[^1] : "";

    /// <summary>Flags for the same key of the same pattern belong together.</summary>
    /// <param name="variable">For an argument that is given without a value.</param>
    /// <exception cref="BakeException">A flag is not written so.</exception>
    public static IReadOnlyList<Override> Parse(IEnumerable<string> flags, Func<string, string?> variable)
    {
        var overrides = new List<Override>();
        foreach (var flag in flags)
        {
            Add(overrides, flag, variable);
        }

        // Whether to push or load is a question about the outputs, so it comes when these are settled.
        return [.. overrides.OrderBy(one => one.Key is "push" or "load" ? 1 : 0)];
    }

    private static void Add(List<Override> overrides, string flag, Func<string, string?> variable)
    {
        var equals = flag.IndexOf('=', StringComparison.Ordinal);
        var path = equals < 0 ? flag : flag[..equals];
        var adds = path.EndsWith('+');
        path = adds ? path[..^1] : path;
        var keys = path.Split('.', 3);
        if (keys.Length < 2)
        {
            throw new BakeException($"invalid override key {path}, expected target.name");
        }

        if (equals < 0 && keys[1] != "args")
        {
            throw new BakeException($"invalid override {flag}, expected target.name=value");
        }

        if (s_named.Contains(keys[1]) && keys.Length != 3)
        {
            throw new BakeException($"invalid key {path}, {keys[1]} requires name");
        }

        var name = keys.Length == 3 ? keys[2] : null;
        var value = equals < 0 ? variable(name!) : flag[(equals + 1)..];
        if (value is null)
        {
            return;
        }

        var known = overrides.Find(one => one.Pattern == keys[0] && one.Key == keys[1] && one.Name == name);
        if (known is null)
        {
            overrides.Add(known = new Override(keys[0], keys[1], name));
        }

        known.Values.Add(value);
        known.Adds = adds;
    }

    /// <param name="grants">What the command line names itself needs no further permission.</param>
    /// <exception cref="BakeException">There is no such key, or the value does not fit it.</exception>
    public void Apply(Target target, Grants grants)
    {
        switch (Key)
        {
            case "context":
                target.Context = Value;
                break;
            case "dockerfile":
                target.Dockerfile = Value;
                break;
            case "target":
                target.Stage = Value;
                break;
            case "call":
                target.Call = Value;
                break;
            case "shm-size":
                target.ShmSize = Value;
                break;
            case "network":
                target.Network = Value;
                break;
            case "project_id" or "project-id":
                target.ProjectId = Value;
                break;
            case "no-cache":
                target.NoCache = Truth();
                break;
            case "pull":
                target.Pull = Truth();
                break;
            case "push":
                target.Outputs = OutputRequest.Push(target.Outputs, Truth());
                break;
            case "load":
                target.Outputs = Truth() ? OutputRequest.Load(target.Outputs) : target.Outputs;
                break;
            default:
                ApplyMany(target, grants);
                break;
        }
    }

    private void ApplyMany(Target target, Grants grants)
    {
        switch (Key)
        {
            case "args":
                (target.Args ??= new(StringComparer.Ordinal))[Name!] = Value;
                break;
            case "labels":
                (target.Labels ??= new(StringComparer.Ordinal))[Name!] = Value;
                break;
            case "extra-hosts":
                (target.ExtraHosts ??= new(StringComparer.Ordinal))[Name!] = Value;
                break;
            case "contexts":
                (target.Contexts ??= new(StringComparer.Ordinal))[Name!] = Value;
                break;
            case "tags":
                target.Tags = Combined(target.Tags, Values);
                break;
            case "platform":
                target.Platforms = Combined(target.Platforms, Values);
                break;
            case "no-cache-filter":
                target.NoCacheFilter = Combined(target.NoCacheFilter, Values);
                break;
            case "ulimits":
                target.Ulimits = Combined(target.Ulimits, Values);
                break;
            case "annotations":
                target.Annotations = Target.Append(target.Annotations, Values);
                break;
            case "entitlements":
                target.Entitlements = Target.Append(target.Entitlements, Values);
                grants.Allow(Values);
                break;
            default:
                ApplyEntries(target, grants);
                break;
        }
    }

    private void ApplyEntries(Target target, Grants grants)
    {
        switch (Key)
        {
            case "cache-from":
                target.CacheFrom = Combined(target.CacheFrom, Entries(CacheEntry.Parse));
                grants.Read.AddRange(LocalCaches(target.CacheFrom, "src"));
                break;
            case "cache-to":
                target.CacheTo = Combined(target.CacheTo, Entries(CacheEntry.Parse));
                grants.Write.AddRange(LocalCaches(target.CacheTo, "dest"));
                break;
            case "secrets":
                target.Secrets = Combined(target.Secrets, Entries<SecretEntry>(text => [SecretEntry.Parse(text)]));
                grants.Read.AddRange(target.Secrets.Select(secret => secret.File).Where(file => file.Length > 0));
                break;
            case "ssh":
                target.Ssh = Combined(target.Ssh, Entries<SshEntry>(text => [SshEntry.Parse(text)]));
                grants.Read.AddRange(target.Ssh.SelectMany(ssh => ssh.Paths));
                break;
            case "output":
                target.Outputs = Combined(target.Outputs, Entries<OutputEntry>(text => [OutputEntry.Parse(text)]));
                grants.Write.AddRange(target.Outputs.Select(output => output.Destination).Where(path => path.Length > 0));
                break;
            case "attest":
                target.Attest = Definition.Entries.LastOfEach(Target.Append(target.Attest, Entries<AttestEntry>(text => [AttestEntry.Parse(text)])), entry => entry.Type);
                break;
            default:
                throw new BakeException($"unknown key: {Key}");
        }
    }

    private bool Truth() => Values.Count > 0 ? Definition.Entries.Truth(Value, $"invalid value {Value} for boolean key {Key}") : throw new BakeException($"invalid value for boolean key {Key}");

    private List<T> Combined<T>(List<T>? given, IReadOnlyList<T> values) => Adds ? Target.Append(given, values)! : [.. values];

    private List<T> Entries<T>(Func<string, IEnumerable<T>> parse)
    {
        try
        {
            return [.. Values.Where(value => value.Length > 0).SelectMany(parse)];
        }
        catch (Exception problem) when (problem is BakeException or ConversionException)
        {
            throw new BakeException($"invalid value for {Key}: {problem.Message}", problem);
        }
    }

    private static IEnumerable<string> LocalCaches(IEnumerable<CacheEntry> caches, string key) =>
        caches.Where(cache => cache.Type == "local" && cache.Attributes.ContainsKey(key)).Select(cache => cache.Attributes[key]);
}
