using Slipway.Bake.Definition;

namespace Slipway.Bake.Compose;

/// <summary>Every service with a <c>build</c> is a target; all of them are the default group.</summary>
internal sealed class ComposeDefinition
{
    private readonly ComposeLoader _loader;
    private readonly YamlMap _model;
    private readonly ImageNames _names;

    private ComposeDefinition(IReadOnlyList<BakeFile> files, BakeInputs inputs)
    {
        _loader = new ComposeLoader(inputs);
        _model = _loader.Load(files);
        if (_model.Find("services") is null && _model.Find("secrets") is null)
        {
            throw new BakeException("empty compose file");
        }

        ComposeSchema.Check(_model);
        _names = new ImageNames(_loader, _model, files[0].Name);
    }

    /// <summary>Whether a file whose name does not tell is a Compose file.</summary>
    public static bool IsCompose(BakeFile file, BakeInputs inputs)
    {
        try
        {
            _ = new ComposeDefinition([file], inputs);
            return true;
        }
        catch (BakeException)
        {
            return false;
        }
    }

    /// <exception cref="BakeException">A file cannot be read or used.</exception>
    public static void Read(IReadOnlyList<BakeFile> files, BakeInputs inputs, List<Target> targets, List<Group> groups)
    {
        var definition = new ComposeDefinition(files, inputs);
        var group = new Group("default");
        BakeException.ForEach((definition._model.Find("services") as YamlMap)?.Entries ?? [], service =>
        {
            if (service.Value is YamlMap map && map.Find("build") is { } build)
            {
                var target = definition.Target(service.Key, map, ComposeMerge.Build(build));
                targets.Add(target);
                group.Targets.Add(target.Name);
            }
        });

        if (definition._model.Find("services") is not null)
        {
            groups.Add(group);
        }
    }

    private Target Target(string service, YamlMap map, YamlMap build)
    {
        var name = TargetName.From(service);
        if (!TargetName.IsValid(name))
        {
            throw new BakeException($"failed to parse compose file: invalid service name \"{name}\": only \"{TargetName.Pattern}\" are allowed");
        }

        var target = new Target(name)
        {
            Context = Text(build, "context"),
            Contexts = Contexts(build),
            Dockerfile = Text(build, "dockerfile"),
            DockerfileInline = Text(build, "dockerfile_inline"),
            Tags = Strings(build.Find("tags")),
            Labels = Labels(build),
            Args = Args(build, map),
            Stage = Text(build, "target"),
            Network = Text(build, "network"),
            Platforms = Strings(build.Find("platforms")),
            CacheFrom = Strings(build.Find("cache_from"))?.SelectMany(CacheEntry.Parse).ToList(),
            CacheTo = Strings(build.Find("cache_to"))?.SelectMany(CacheEntry.Parse).ToList(),
            NoCacheFilter = Strings(build.Find("no_cache_filter")),
            Ssh = Ssh(build),
            Secrets = Secrets(build),
            ShmSize = ShmSize(build),
            Ulimits = Ulimits(build),
            ExtraHosts = ExtraHosts(build),
            Attest = Attest(build),
            NoCache = Truth(build, "no_cache"),
            Pull = Truth(build, "pull"),
            ProjectId = (build.Find("x-depot") as YamlMap ?? map.Find("x-depot") as YamlMap)?.Find("project-id") is YamlText project ? project.Text : null,
        };
        ComposeExtension.Apply(target, build.Find("x-bake"));
        target.Tags = target.Tags is { Count: > 0 } tags ? tags : Text(map, "image") is { } image ? [image] : null;
        target.DefaultImage = _names.Of(service);
        return target;
    }

    private static string? Text(YamlMap map, string key) => map.Find(key) is YamlText { Text.Length: > 0 } text ? text.Text : null;

    /// <summary>What is false is as good as not set.</summary>
    private static bool? Truth(YamlMap map, string key) => (map.Find(key) as YamlText)?.Truth == true ? true : null;

    private static List<string>? Strings(YamlValue? value) =>
        value is YamlList { Items.Count: > 0 } list ? [.. list.Items.OfType<YamlText>().Select(item => item.Text)] : null;

    private static SortedDictionary<string, string>? Contexts(YamlMap build)
    {
        if (build.Find("additional_contexts") is not { } value)
        {
            return null;
        }

        var contexts = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, context) in ComposeMerge.Pairs(value).Entries)
        {
            contexts[key] = ComposeExtension.Context((context as YamlText)?.Text ?? "");
        }

        return contexts;
    }

    private static SortedDictionary<string, string?>? Labels(YamlMap build) => build.Find("labels") is { } labels ? Sorted(ComposeMerge.Pairs(labels)) : null;

    private static SortedDictionary<string, string?> Sorted(YamlMap pairs)
    {
        var sorted = new SortedDictionary<string, string?>(StringComparer.Ordinal);
        foreach (var (key, value) in pairs.Entries)
        {
            sorted[key] = value is YamlText { IsNull: false } text ? text.Text : "";
        }

        return sorted;
    }

    /// <summary>An argument without a value takes that of the service's environment, or of ours; else it is left out.</summary>
    private SortedDictionary<string, string?>? Args(YamlMap build, YamlMap service)
    {
        if (build.Find("args") is not { } value)
        {
            return null;
        }

        var environment = new Lazy<Dictionary<string, string>>(() => ServiceEnvironment(service));
        var args = new SortedDictionary<string, string?>(StringComparer.Ordinal);
        foreach (var (key, arg) in ComposeMerge.Pairs(value).Entries)
        {
            var given = arg is YamlText { IsNull: false } text ? text.Text : environment.Value.GetValueOrDefault(key) ?? _loader.Variable(key);
            if (given is not null)
            {
                args[key] = given;
            }
        }

        return args.Count > 0 ? args : null;
    }

    private Dictionary<string, string> ServiceEnvironment(YamlMap service)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        var files = service.Find("env_file") is { } value ? (value is YamlList list ? list.Items : [value]) : [];
        foreach (var file in files)
        {
            var path = file is YamlMap map ? (map.Find("path") as YamlText)?.Text : (file as YamlText)?.Text;
            var required = (file as YamlMap)?.Find("required") is not YamlText { Truth: false };
            foreach (var (name, text) in ReadEnvironment(path ?? "", required))
            {
                environment[name] = text;
            }
        }

        foreach (var (name, entry) in service.Find("environment") is { } own ? ComposeMerge.Pairs(own).Entries : [])
        {
            if ((entry is YamlText { IsNull: false } text ? text.Text : _loader.Variable(name)) is { } given)
            {
                environment[name] = given;
            }
        }

        return environment;
    }

    private Dictionary<string, string> ReadEnvironment(string path, bool required)
    {
        try
        {
            return EnvFile.Read(_loader.ReadFile(path), _loader.Variable);
        }
        catch (BakeException) when (!required)
        {
            return [];
        }
    }

    private static List<SshEntry>? Ssh(YamlMap build) => build.Find("ssh") is { } ssh
        ? [.. ComposeMerge.Pairs(ssh).Entries
            .Select(entry => new SshEntry(entry.Key, entry.Value is YamlText { IsNull: false, Text.Length: > 0 } path ? [path.Text] : []))
            .OrderBy(entry => entry.Id, StringComparer.Ordinal)]
        : null;

    private List<SecretEntry>? Secrets(YamlMap build)
    {
        if (build.Find("secrets") is not YamlList list)
        {
            return null;
        }

        var known = _model.Find("secrets") as YamlMap;
        return [.. list.Items.Select(item => item is YamlMap map ? Text(map, "source") ?? "" : (item as YamlText)?.Text ?? "").Select(id => Secret(id, known?.Find(id) as YamlMap))];
    }

    private static SecretEntry Secret(string id, YamlMap? definition)
    {
        if (definition?.Find("external") is YamlText { Truth: true } or YamlMap)
        {
            throw new BakeException($"failed to parse compose file: unsupported external secret {Text(definition, "name") ?? id}");
        }

        return definition is null
            ? throw new BakeException($"failed to parse compose file: undefined secret {id}: define it under the top-level \"secrets\"")
            : new SecretEntry(id, Text(definition, "file") ?? "", Text(definition, "environment") ?? "");
    }

    private static string? ShmSize(YamlMap build) => Text(build, "shm_size") is { } size ? ByteSize.Written(ByteSize.Parse(size)) : null;

    private static List<string>? Ulimits(YamlMap build) => build.Find("ulimits") is YamlMap ulimits
        ? [.. ulimits.Entries.Select(entry => entry.Value is YamlMap limit
            ? $"{entry.Key}={Limit(limit, "soft")}:{Limit(limit, "hard")}"
            : $"{entry.Key}={(entry.Value as YamlText)?.Text}:{(entry.Value as YamlText)?.Text}")]
        : null;

    private static string Limit(YamlMap limit, string key) => (limit.Find(key) as YamlText)?.Text ?? "0";

    private static SortedDictionary<string, string?>? ExtraHosts(YamlMap build)
    {
        if (build.Find("extra_hosts") is not { } value)
        {
            return null;
        }

        var hosts = new SortedDictionary<string, string?>(StringComparer.Ordinal);
        foreach (var (host, address) in value is YamlMap map ? map.Entries : Hosts((YamlList)value))
        {
            var addresses = address is YamlList several ? string.Join(',', several.Items.OfType<YamlText>().Select(item => item.Text)) : (address as YamlText)?.Text ?? "";
            hosts[host] = hosts.TryGetValue(host, out var known) ? $"{known},{addresses}" : addresses;
        }

        return hosts;
    }

    private static IEnumerable<(string, YamlValue)> Hosts(YamlList list)
    {
        foreach (var text in list.Items.OfType<YamlText>().Select(item => item.Text))
        {
            var at = text.AsSpan().IndexOfAny("=:");
            yield return (at < 0 ? text : text[..at], new YamlText(at < 0 ? "" : text[(at + 1)..].Trim('[', ']'), plain: false));
        }
    }

    private static List<AttestEntry>? Attest(YamlMap build)
    {
        var attest = new[] { "sbom", "provenance" }
            .Where(type => Text(build, type) is not null)
            .Select(type => AttestEntry.Parse(AttestEntry.Canonical(type, Text(build, type)!)))
            .ToList();
        return attest.Count > 0 ? attest : null;
    }
}
