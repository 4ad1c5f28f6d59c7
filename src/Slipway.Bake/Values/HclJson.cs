using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Slipway.Bake.Values;

/// <summary>Values to and from JSON, as <c>jsonencode</c>, <c>jsondecode</c> and <c>NAME_JSON</c> variables have them.</summary>
internal static class HclJson
{
    /// <summary>Compact, keys sorted, characters escaped as Go's encoding/json does.</summary>
    public static string Write(HclValue value)
    {
        var text = new StringBuilder();
        Write(text, value);
        return text.ToString();
    }

    /// <summary>As <see cref="Write(HclValue)"/>; where the type leaves it open, the value's own type goes with it.</summary>
    public static string Write(HclValue value, HclType type) => type.Kind == HclKind.Any
        ? $"{{\"value\":{Write(value)},\"type\":{TypeText(value.Type)}}}"
        : Write(value);

    private static string TypeText(HclType type) => type.Kind switch
    {
        HclKind.Any => "\"dynamic\"",
        HclKind.Tuple => $"[\"tuple\",[{string.Join(',', type.Elements.Select(TypeText))}]]",
        HclKind.Object => $"[\"object\",{{{string.Join(',', type.Attributes.Select(entry => $"{Write(HclValue.Of(entry.Key))}:{TypeText(entry.Value)}"))}}}]",
        HclKind.List or HclKind.Set or HclKind.Map => $"[\"{type.Kind.ToString().ToLowerInvariant()}\",{TypeText(type.Element)}]",
        _ => $"\"{type}\"",
    };

    /// <exception cref="JsonException">The text is not JSON.</exception>
    public static HclValue Read(string text)
    {
        using var document = JsonDocument.Parse(text);
        return Read(document.RootElement);
    }

    /// <summary>A JSON string literal.</summary>
    public static void WriteText(StringBuilder into, string value)
    {
        into.Append('"');
        foreach (var c in value)
        {
            _ = c switch
            {
                '"' => into.Append("\\\""),
                '\\' => into.Append("\\\\"),
                '\n' => into.Append("\\n"),
                '\r' => into.Append("\\r"),
                '\t' => into.Append("\\t"),
                '\b' => into.Append("\\b"),
                '\f' => into.Append("\\f"),
                < ' ' or '<' or '>' or '&' or '\u2028' or '\u2029' => into.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => into.Append(c),
            };
        }

        into.Append('"');
    }

    private static void Write(StringBuilder into, HclValue value)
    {
        if (value.IsNull)
        {
            into.Append("null");
            return;
        }

        switch (value.Type.Kind)
        {
            case HclKind.String:
                WriteText(into, value.Text);
                break;
            case HclKind.Number:
                into.Append(value.Number.ToString());
                break;
            case HclKind.Bool:
                into.Append(value.Truth ? "true" : "false");
                break;
            case HclKind.Map or HclKind.Object:
                WriteEntries(into, value);
                break;
            default:
                WriteItems(into, value);
                break;
        }
    }

    private static void WriteEntries(StringBuilder into, HclValue value)
    {
        var separator = "{";
        foreach (var (key, entry) in value.Entries)
        {
            into.Append(separator);
            WriteText(into, key);
            into.Append(':');
            Write(into, entry);
            separator = ",";
        }

        into.Append(separator == "{" ? "{}" : "}");
    }

    private static void WriteItems(StringBuilder into, HclValue value)
    {
        var separator = "[";
        foreach (var item in value.Items)
        {
            into.Append(separator);
            Write(into, item);
            separator = ",";
        }

        into.Append(separator == "[" ? "[]" : "]");
    }

    private static HclValue Read(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => HclValue.Of(element.GetString()!),
        JsonValueKind.Number => HclNumber.Parse(element.GetRawText()) is { } number ? HclValue.Of(number) : throw new JsonException($"the number {element.GetRawText()} is out of range"),
        JsonValueKind.True => HclValue.True,
        JsonValueKind.False => HclValue.False,
        JsonValueKind.Array => HclValue.Tuple(element.EnumerateArray().Select(Read)),
        JsonValueKind.Object => HclValue.Object(element.EnumerateObject().Select(property => KeyValuePair.Create(property.Name, Read(property.Value)))),
        _ => HclValue.Nothing,
    };
}
