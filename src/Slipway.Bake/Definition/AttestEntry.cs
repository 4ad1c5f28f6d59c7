using Slipway.Bake.Values;

namespace Slipway.Bake.Definition;

/// <summary>An attestation that is wanted, or not.</summary>
internal sealed record AttestEntry(string Type, bool Disabled, SortedDictionary<string, string> Attributes)
{
    public static HclType ValueType { get; } = HclType.Map(HclType.String);

    /// <summary>What <c>--attest</c> takes.</summary>
    public string Text => Entries.Text(Fields);

    public IEnumerable<KeyValuePair<string, string>> Fields =>
        (Disabled ? Attributes.Prepend(KeyValuePair.Create("disabled", "true")) : Attributes).Prepend(KeyValuePair.Create("type", Type));

    /// <summary>What <c>--sbom</c> and <c>--provenance</c> stand for.</summary>
    public static string Canonical(string type, string value) => value switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => $"type={type},disabled=false",
        "0" or "f" or "F" or "false" or "FALSE" or "False" => $"type={type},disabled=true",
        _ => $"type={type},{value}",
    };

    /// <exception cref="BakeException">The text is no attestation.</exception>
    public static AttestEntry Parse(string text)
    {
        var attributes = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var field in Entries.Fields(text))
        {
            var equals = field.IndexOf('=', StringComparison.Ordinal);
            var key = equals < 0 ? throw new BakeException($"invalid value {field}") : field[..equals];
            attributes[key.Trim().ToLowerInvariant() is "type" or "disabled" ? key.Trim().ToLowerInvariant() : key] = field[(equals + 1)..];
        }

        return From(attributes, required: true);
    }

    public static List<AttestEntry> Read(HclValue value) => Entries.Read(value, ValueType, text => [Parse(text)], entry => From(Entries.Strings(entry), required: false));

    private static AttestEntry From(SortedDictionary<string, string> attributes, bool required)
    {
        attributes.Remove("type", out var type);
        var disabled = attributes.Remove("disabled", out var value) && Entries.Truth(value, $"invalid value disabled={value}");
        return type is { Length: > 0 } || !required ? new AttestEntry(type ?? "", disabled, attributes) : throw new BakeException("attestation type not specified");
    }
}
