using Depot.Cli.Rendering;
using Slipway.Bake.Definition;
using Slipway.BuildKit;

namespace Depot.Cli.Bake;

/// <summary><c>--list=targets</c>, <c>--list=variables</c>, and as <c>type=…,format=json</c>.</summary>
internal sealed record DefinitionListing(string Type, bool AsJson)
{
    /// <exception cref="CliException">There is no such list.</exception>
    public static DefinitionListing Parse(string text)
    {
        var (type, format) = ("", "table");
        var fields = CsvFields.Parse(text);
        if (fields is [var only] && !only.StartsWith("type=", StringComparison.Ordinal))
        {
            type = only;
        }

        foreach (var field in type.Length > 0 ? [] : fields)
        {
            var equals = field.IndexOf('=', StringComparison.Ordinal);
            var key = (equals < 0 ? throw new CliException($"invalid value {field}") : field[..equals]).ToLowerInvariant().Trim();
            (type, format) = key switch
            {
                "type" => (field[(equals + 1)..], format),
                "format" => (type, field[(equals + 1)..]),
                _ => throw new CliException($"unexpected key '{key}' in '{field}'"),
            };
        }

        return type is not ("targets" or "variables") ? throw new CliException($"invalid list type \"{type}\"")
            : format is not ("table" or "json" or "") ? throw new CliException($"invalid list format \"{format}\"")
            : new DefinitionListing(type, format == "json");
    }

    public string Write(BakeDefinition definition) => Type == "targets" ? Targets(definition) : Variables(definition);

    private string Targets(BakeDefinition definition)
    {
        // What begins with an underscore is there to be inherited from.
        var rows = definition.Targets.Select(target => (target.Name, Description: target.Description ?? "", IsGroup: false))
            .Concat(definition.Groups.Select(group => (group.Name, Description: Described(group), IsGroup: true)))
            .Where(row => !row.Name.StartsWith('_'))
            .OrderBy(row => row.Name, StringComparer.Ordinal)
            .ToList();
        return AsJson
            ? Json(rows, (json, row) =>
            {
                Field(json, "name", row.Name);
                OptionalField(json, "description", row.Description);
                if (row.IsGroup)
                {
                    json.Name("group");
                    json.Boolean(true);
                }
            })
            : TabbedText.Write([["TARGET", "DESCRIPTION"], .. rows.Select(row => new[] { row.Name, row.Description })]);
    }

    private static string Described(Group group)
    {
        var names = string.Join(", ", group.Targets.Order(StringComparer.Ordinal));
        return group.Description.Length == 0 ? names : names.Length == 0 ? group.Description : $"{group.Description} ({names})";
    }

    private string Variables(BakeDefinition definition)
    {
        var rows = definition.Variables.OrderBy(variable => variable.Name, StringComparer.Ordinal).ToList();
        return AsJson
            ? Json(rows, (json, variable) =>
            {
                Field(json, "name", variable.Name);
                OptionalField(json, "description", variable.Description);
                OptionalField(json, "type", variable.Type?.ToString() ?? "");
                if (variable.ValueText is { } value)
                {
                    Field(json, "value", value);
                }
            })
            : TabbedText.Write([["VARIABLE", "TYPE", "VALUE", "DESCRIPTION"],
                .. rows.Select(variable => new[] { variable.Name, variable.Type?.ToString() ?? "", variable.ValueText ?? "<null>", variable.Description })]);
    }

    private static string Json<T>(List<T> rows, Action<GoJsonWriter, T> write)
    {
        var buffer = new OutputBuffer();
        var json = new GoJsonWriter(buffer, indented: true);
        json.BeginArray();
        foreach (var row in rows)
        {
            json.BeginObject();
            write(json, row);
            json.EndObject();
        }

        json.EndArray();
        json.EndLine();
        return buffer.TakeText();
    }

    private static void Field(GoJsonWriter json, string name, string value)
    {
        json.Name(name);
        json.String(value);
    }

    private static void OptionalField(GoJsonWriter json, string name, string value)
    {
        if (value.Length > 0)
        {
            Field(json, name, value);
        }
    }
}
