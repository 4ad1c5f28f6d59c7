using Slipway.Bake.Values;

namespace Slipway.Bake.Definition;

/// <summary>A place to put the result.</summary>
internal sealed record OutputEntry(string Type, string Destination, SortedDictionary<string, string> Attributes)
{
    public static HclType ValueType { get; } = HclType.Map(HclType.String);

    /// <summary>What <c>--output</c> takes.</summary>
    public string Text => Entries.Text(Fields);

    public bool Pushes => Type == "registry" || Attributes.GetValueOrDefault("push") == "true";

    /// <summary>For the comparison, and for JSON and the command line alike.</summary>
    public IEnumerable<KeyValuePair<string, string>> Fields =>
        (Destination.Length > 0 ? Attributes.Prepend(KeyValuePair.Create("dest", Destination)) : Attributes).Prepend(KeyValuePair.Create("type", Type));

    public static OutputEntry Of(string type, params ReadOnlySpan<(string Key, string Value)> attributes)
    {
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in attributes)
        {
            all[key] = value;
        }

        return new OutputEntry(type, "", all);
    }

    /// <summary>A text without <c>=</c> is a folder.</summary>
    /// <exception cref="BakeException">It is neither that nor an entry.</exception>
    public static OutputEntry Parse(string text)
    {
        var fields = Entries.Fields(text);
        if (fields is [var only] && only == text && !text.StartsWith("type=", StringComparison.Ordinal))
        {
            return new OutputEntry(text == "-" ? "tar" : "local", text, new(StringComparer.Ordinal));
        }

        var attributes = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var field in fields)
        {
            var equals = field.IndexOf('=', StringComparison.Ordinal);
            attributes[equals < 0 ? throw new BakeException($"invalid value {field}") : field[..equals].ToLowerInvariant().Trim()] = field[(equals + 1)..];
        }

        return Checked(attributes);
    }

    public static OutputEntry From(HclValue value) => Checked(Entries.Strings(value));

    public static List<OutputEntry> Read(HclValue value) => Entries.Read(value, ValueType, text => [Parse(text)], From);

    private static OutputEntry Checked(SortedDictionary<string, string> attributes)
    {
        attributes.Remove("dest", out var destination);
        return attributes.Remove("type", out var type) && type.Length > 0 ? new OutputEntry(type, destination ?? "", attributes) : throw new BakeException("type is required for output");
    }
}
