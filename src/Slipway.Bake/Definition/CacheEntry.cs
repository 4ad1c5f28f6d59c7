using Slipway.Bake.Values;

namespace Slipway.Bake.Definition;

/// <summary>A place to take cache from or to put it.</summary>
internal sealed record CacheEntry(string Type, SortedDictionary<string, string> Attributes)
{
    public static HclType ValueType { get; } = HclType.Map(HclType.String);

    /// <summary>What <c>--cache-from</c> takes.</summary>
    public string Text => Type == "registry" && Attributes.Count == 1 && Attributes.TryGetValue("ref", out var reference) ? reference : Entries.Text(Fields);

    public IEnumerable<KeyValuePair<string, string>> Fields => Attributes.Prepend(KeyValuePair.Create("type", Type));

    /// <summary>A text without <c>=</c> is a list of references.</summary>
    /// <exception cref="BakeException">It is neither that nor an entry.</exception>
    public static IEnumerable<CacheEntry> Parse(string text)
    {
        var fields = Entries.Fields(text);
        if (!text.Contains('=', StringComparison.Ordinal))
        {
            return fields.Select(Reference);
        }

        if (fields is [var only] && !only.Contains('=', StringComparison.Ordinal))
        {
            return [Reference(only)];
        }

        var attributes = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var field in fields)
        {
            var equals = field.IndexOf('=', StringComparison.Ordinal);
            attributes[equals < 0 ? throw new BakeException($"invalid value {field}") : field[..equals].ToLowerInvariant()] = field[(equals + 1)..];
        }

        return [Checked(attributes, text)];
    }

    public static CacheEntry From(HclValue value) => Checked(Entries.Strings(value), HclJson.Write(value));

    public static List<CacheEntry> Read(HclValue value) => Entries.Read(value, ValueType, Parse, From);

    private static CacheEntry Reference(string reference) => new("registry", new(StringComparer.Ordinal) { ["ref"] = reference });

    private static CacheEntry Checked(SortedDictionary<string, string> attributes, string text) =>
        attributes.Remove("type", out var type) && type.Length > 0 ? new CacheEntry(type, attributes) : throw new BakeException($"type required form> \"{text}\"");
}
