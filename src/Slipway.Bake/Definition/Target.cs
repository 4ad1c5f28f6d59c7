namespace Slipway.Bake.Definition;

/// <summary>One build of a definition. What is null has not been set, which differs from empty: an empty list takes an inherited one away.</summary>
internal sealed class Target(string name)
{
    public string Name => name;

    public string? Description { get; set; }

    public List<string>? Inherits { get; set; }

    public List<string>? Annotations { get; set; }

    public List<AttestEntry>? Attest { get; set; }

    public string? Context { get; set; }

    public SortedDictionary<string, string>? Contexts { get; set; }

    public string? Dockerfile { get; set; }

    public string? DockerfileInline { get; set; }

    /// <summary>An argument without a value is left to what it inherits.</summary>
    public SortedDictionary<string, string?>? Args { get; set; }

    public SortedDictionary<string, string?>? Labels { get; set; }

    public List<string>? Tags { get; set; }

    public List<CacheEntry>? CacheFrom { get; set; }

    public List<CacheEntry>? CacheTo { get; set; }

    public string? Stage { get; set; }

    public List<SecretEntry>? Secrets { get; set; }

    public List<SshEntry>? Ssh { get; set; }

    public List<string>? Platforms { get; set; }

    public List<OutputEntry>? Outputs { get; set; }

    public bool? Pull { get; set; }

    public bool? NoCache { get; set; }

    public string? Network { get; set; }

    public List<string>? NoCacheFilter { get; set; }

    public string? ShmSize { get; set; }

    public List<string>? Ulimits { get; set; }

    public string? Call { get; set; }

    public List<string>? Entitlements { get; set; }

    public SortedDictionary<string, string?>? ExtraHosts { get; set; }

    /// <summary>Depot's own: the project whose builder builds it.</summary>
    public string? ProjectId { get; set; }

    /// <summary>What Compose calls the image of a service that names none; buildx leaves it without a name.</summary>
    public string? DefaultImage { get; set; }

    /// <summary>Built only because another target's context names it.</summary>
    public bool IsLinked { get; set; }

    /// <summary>Takes over what another one sets: single values replace, most lists are added to.</summary>
    public void Merge(Target other)
    {
        Description = other.Description is { Length: > 0 } ? other.Description : Description;
        Context = other.Context ?? Context;
        Dockerfile = other.Dockerfile ?? Dockerfile;
        DockerfileInline = other.DockerfileInline ?? DockerfileInline;
        Stage = other.Stage ?? Stage;
        Pull = other.Pull ?? Pull;
        NoCache = other.NoCache ?? NoCache;
        Network = other.Network ?? Network;
        ShmSize = other.ShmSize ?? ShmSize;
        Call = other.Call ?? Call;
        ProjectId = other.ProjectId ?? ProjectId;
        DefaultImage = other.DefaultImage ?? DefaultImage;
        Tags = Copy(other.Tags) ?? Tags;
        Platforms = Copy(other.Platforms) ?? Platforms;
        CacheTo = Copy(other.CacheTo) ?? CacheTo;
        Outputs = Copy(other.Outputs) ?? Outputs;
        MergeAdded(other);
    }

    private void MergeAdded(Target other)
    {
        Args = Put(Args, other.Args);
        Labels = Put(Labels, other.Labels);
        ExtraHosts = Put(ExtraHosts, other.ExtraHosts);
        foreach (var (key, value) in other.Contexts ?? [])
        {
            (Contexts ??= new(StringComparer.Ordinal))[key] = value;
        }

        Annotations = Append(Annotations, other.Annotations);
        Ulimits = Append(Ulimits, other.Ulimits);
        NoCacheFilter = Append(NoCacheFilter, other.NoCacheFilter);
        Entitlements = Append(Entitlements, other.Entitlements);
        Inherits = Append(Inherits, other.Inherits);
        Attest = other.Attest is null ? Attest : Definition.Entries.LastOfEach(Append(Attest, other.Attest), entry => entry.Type);
        Secrets = other.Secrets is null ? Secrets : Definition.Entries.LastOfEach(Append(Secrets, other.Secrets), entry => entry.Id);
        Ssh = other.Ssh is null ? Ssh : Definition.Entries.LastOfEach(Append(Ssh, other.Ssh), entry => entry.Id);
        CacheFrom = other.CacheFrom is null ? CacheFrom : Definition.Entries.Distinct(Append(CacheFrom, other.CacheFrom), entry => entry.Text);
    }

    /// <summary>Takes out what is there twice, or empty.</summary>
    public void Normalize()
    {
        Annotations = Distinct(Annotations);
        Tags = Distinct(Tags);
        Platforms = Distinct(Platforms);
        NoCacheFilter = Distinct(NoCacheFilter);
        Ulimits = Distinct(Ulimits);
        if (Network == "host")
        {
            Entitlements = Append(Entitlements, ["network.host"]);
        }

        Entitlements = Distinct(Entitlements);
        Attest = Definition.Entries.LastOfEach(Attest, entry => entry.Type);
        Secrets = Definition.Entries.LastOfEach(Secrets, entry => entry.Id);
        Ssh = Definition.Entries.LastOfEach(Ssh, entry => entry.Id);
        CacheFrom = Definition.Entries.Distinct(CacheFrom, entry => entry.Text);
        CacheTo = Definition.Entries.Distinct(CacheTo, entry => entry.Text);
        Outputs = Definition.Entries.Distinct(Outputs, entry => entry.Text);
        foreach (var (key, _) in Contexts?.Where(context => context.Value.Length == 0).ToList() ?? [])
        {
            Contexts!.Remove(key);
        }

        Contexts = Contexts is { Count: > 0 } ? Contexts : null;
    }

    public static List<T>? Append<T>(List<T>? first, IReadOnlyList<T>? second) => second is null ? first : [.. first ?? [], .. second];

    private static List<T>? Copy<T>(List<T>? list) => list is null ? null : [.. list];

    private static SortedDictionary<string, string?>? Put(SortedDictionary<string, string?>? into, SortedDictionary<string, string?>? from)
    {
        foreach (var (key, value) in from ?? [])
        {
            if (value is not null)
            {
                (into ??= new(StringComparer.Ordinal))[key] = value;
            }
        }

        return into;
    }

    private static List<string>? Distinct(List<string>? list) => list is null ? null : [.. list.Where(item => item.Length > 0).Distinct(StringComparer.Ordinal)];
}
