using Slipway.Bake.Values;

namespace Slipway.Bake.Definition;

/// <summary>A secret by name: from a file, or from a variable. Never the secret itself.</summary>
internal sealed record SecretEntry(string Id, string File, string Variable)
{
    public static HclType ValueType { get; } = HclType.Object(
        [new("id", HclType.String), new("src", HclType.String), new("env", HclType.String)], ["id", "src", "env"]);

    /// <summary>What <c>--secret</c> takes.</summary>
    public string Text => Entries.Text(Fields);

    public IEnumerable<KeyValuePair<string, string>> Fields => new[]
    {
        KeyValuePair.Create("id", Id),
        KeyValuePair.Create("src", File),
        KeyValuePair.Create("env", Variable),
    }.Where(pair => pair.Value.Length > 0);

    /// <exception cref="BakeException">The text is no secret.</exception>
    public static SecretEntry Parse(string text)
    {
        var secret = new SecretEntry("", "", "");
        var type = "";
        foreach (var field in Entries.Fields(text))
        {
            var equals = field.IndexOf('=', StringComparison.Ordinal);
            var key = equals < 0 ? throw new BakeException($"invalid field '{field}' must be a key=value pair") : field[..equals].ToLowerInvariant();
            var value = field[(equals + 1)..];
            switch (key)
            {
                case "type":
                    type = value is "file" or "env" ? value : throw new BakeException($"unsupported secret type \"{value}\"");
                    break;
                case "id":
                    secret = secret with { Id = value };
                    break;
                case "source" or "src":
                    secret = secret with { File = value };
                    break;
                case "env":
                    secret = secret with { Variable = value };
                    break;
                default:
                    throw new BakeException($"unexpected key '{key}' in '{field}'");
            }
        }

        return type == "env" && secret.Variable.Length == 0 ? secret with { Variable = secret.File, File = "" } : secret;
    }

    public static List<SecretEntry> Read(HclValue value) => Entries.Read(value, ValueType, text => [Parse(text)], From);

    private static SecretEntry From(HclValue value)
    {
        var entries = Conversion.To(value, ValueType).Entries;
        string Text(string name) => entries[name] is { IsNull: false } given ? given.Text : "";
        return new SecretEntry(Text("id"), Text("src"), Text("env"));
    }
}
