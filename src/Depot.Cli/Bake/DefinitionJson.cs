using Depot.Cli.Rendering;
using Slipway.Bake.Definition;

namespace Depot.Cli.Bake;

/// <summary><c>--print</c>: the resolved definition in the JSON notation, so that it can be baked again.</summary>
internal sealed class DefinitionJson
{
    private readonly GoJsonWriter _json;

    private DefinitionJson(GoJsonWriter json) => _json = json;

    public static string Write(BakePlan plan)
    {
        var buffer = new OutputBuffer();
        var json = new GoJsonWriter(buffer, indented: true);
        new DefinitionJson(json).WritePlan(plan);
        json.EndLine();
        return buffer.TakeText();
    }

    private void WritePlan(BakePlan plan)
    {
        _json.BeginObject();
        if (plan.Groups.Count > 0)
        {
            _json.Name("group");
            Object(plan.Groups, WriteGroup);
        }

        _json.Name("target");
        Object(plan.Targets, WriteTarget);
        _json.EndObject();
    }

    private void WriteGroup(Group group)
    {
        _json.BeginObject();
        Text("description", group.Description.Length > 0 ? group.Description : null);
        _json.Name("targets");
        Array(group.Targets, _json.String);
        _json.EndObject();
    }

    private void WriteTarget(Target target)
    {
        _json.BeginObject();
        Text("description", target.Description is { Length: > 0 } ? target.Description : null);
        List("annotations", target.Annotations, value => _json.String(Escaped(value)));
        List("attest", target.Attest, WriteAttest);
        Text("context", target.Context);
        Map("contexts", target.Contexts, _json.String);
        Text("dockerfile", target.Dockerfile);
        Text("dockerfile-inline", target.DockerfileInline is { } inline ? Escaped(inline) : null);
        Map("args", target.Args, Value);
        Map("labels", target.Labels, Value);
        List("tags", target.Tags, _json.String);
        List("cache-from", target.CacheFrom, entry => Fields(entry.Fields));
        List("cache-to", target.CacheTo, entry => Fields(entry.Fields));
        Text("target", target.Stage);
        List("secret", target.Secrets, entry => Fields(entry.Fields, sorts: false));
        List("ssh", target.Ssh, WriteSsh);
        List("platforms", target.Platforms, _json.String);
        List("output", target.Outputs, entry => Fields(entry.Fields));
        Truth("pull", target.Pull);
        Truth("no-cache", target.NoCache);
        Text("network", target.Network);
        List("no-cache-filter", target.NoCacheFilter, _json.String);
        Text("shm-size", target.ShmSize);
        List("ulimits", target.Ulimits, _json.String);
        Text("call", target.Call);
        List("entitlements", target.Entitlements, _json.String);
        Map("extra-hosts", target.ExtraHosts, Value);
        Text("project_id", target.ProjectId);
        _json.EndObject();
    }

    /// <summary>What would be a template when it is read again is none.</summary>
    private static string Escaped(string value) =>
        value.Replace("${", "$${", StringComparison.Ordinal).Replace("%{", "%%{", StringComparison.Ordinal);

    private void WriteAttest(AttestEntry entry)
    {
        _json.BeginObject();
        foreach (var (key, value) in entry.Fields.OrderBy(field => field.Key, StringComparer.Ordinal))
        {
            _json.Name(key);
            if (key == "disabled")
            {
                _json.Boolean(true);
            }
            else
            {
                _json.String(value);
            }
        }

        _json.EndObject();
    }

    private void WriteSsh(SshEntry entry)
    {
        _json.BeginObject();
        Text("id", entry.Id.Length > 0 ? entry.Id : null);
        List("paths", entry.Paths, _json.String);
        _json.EndObject();
    }

    private void Fields(IEnumerable<KeyValuePair<string, string>> fields, bool sorts = true)
    {
        _json.BeginObject();
        foreach (var (key, value) in sorts ? fields.OrderBy(field => field.Key, StringComparer.Ordinal) : fields)
        {
            _json.Name(key);
            _json.String(value);
        }

        _json.EndObject();
    }

    private void Value(string? value)
    {
        if (value is null)
        {
            _json.Null();
        }
        else
        {
            _json.String(Escaped(value));
        }
    }

    private void Text(string name, string? value)
    {
        if (value is not null)
        {
            _json.Name(name);
            _json.String(value);
        }
    }

    private void Truth(string name, bool? value)
    {
        if (value is { } truth)
        {
            _json.Name(name);
            _json.Boolean(truth);
        }
    }

    private void List<T>(string name, IReadOnlyList<T>? items, Action<T> write)
    {
        if (items is { Count: > 0 })
        {
            _json.Name(name);
            Array(items, write);
        }
    }

    private void Map<T>(string name, SortedDictionary<string, T>? entries, Action<T> write)
    {
        if (entries is { Count: > 0 })
        {
            _json.Name(name);
            Object(entries, write);
        }
    }

    private void Array<T>(IReadOnlyList<T> items, Action<T> write)
    {
        _json.BeginArray();
        foreach (var item in items)
        {
            write(item);
        }

        _json.EndArray();
    }

    private void Object<T>(SortedDictionary<string, T> entries, Action<T> write)
    {
        _json.BeginObject();
        foreach (var (key, value) in entries)
        {
            _json.Name(key);
            write(value);
        }

        _json.EndObject();
    }
}
