using System.Globalization;
using System.Text.Json;
using Slipway.Bake.Values;
using Slipway.BuildKit;

namespace Slipway.Bake.Definition;

/// <summary>Reads the value of a variable from the environment: text, comma-separated values, or JSON.</summary>
internal static class VariableText
{
    /// <exception cref="BakeException">The text does not fit the type.</exception>
    public static HclValue Json(string name, string text, HclType type)
    {
        try
        {
            return Conversion.To(HclJson.Read(text), type);
        }
        catch (Exception problem) when (problem is JsonException or ConversionException)
        {
            throw new BakeException($"failed to convert variable {name} from JSON: {problem.Message}", problem);
        }
    }

    /// <exception cref="BakeException">The text does not fit the type.</exception>
    public static HclValue Plain(string name, string text, HclType type) => type.Kind switch
    {
        HclKind.String or HclKind.Any => HclValue.Of(text),
        HclKind.Bool => HclValue.Of(Entries.Truth(text, $"failed to parse {name} as bool")),
        HclKind.Number => Number(name, text),
        HclKind.List or HclKind.Set or HclKind.Map or HclKind.Tuple => Collection(name, text, type),
        _ => throw new BakeException($"unsupported type {type} for variable {name}"),
    };

    private static HclValue Number(string name, string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && HclNumber.From(number) is { } finite
            ? HclValue.Of(finite)
            : throw new BakeException($"failed to parse {name} as number: strconv.ParseFloat: parsing \"{text}\": invalid syntax");

    private static HclValue Collection(string name, string text, HclType type)
    {
        try
        {
            var fields = text.Length == 0 ? [] : CsvFields.Parse(text);
            return type.Kind switch
            {
                HclKind.List => HclValue.List(type.Element, fields.Select(field => Plain(name, field, Primitive(type.Element, type)))),
                HclKind.Set => HclValue.Set(type.Element, fields.Select(field => Plain(name, field, Primitive(type.Element, type)))),
                HclKind.Map => HclValue.Map(type.Element, fields.Select(field => Pair(name, field, type))),
                _ => Tuple(name, fields, type),
            };
        }
        catch (Exception problem) when (problem is InputException or BakeException)
        {
            throw new BakeException($"failed to convert variable {name} from CSV: {problem.Message}", problem);
        }
    }

    private static HclValue Tuple(string name, IReadOnlyList<string> fields, HclType type) => fields.Count == type.Elements.Length
        ? HclValue.Tuple(type.Elements.Select((element, i) => Plain(name, fields[i], Primitive(element, type))))
        : throw new BakeException($"{type} expects {type.Elements.Length} elements but only {fields.Count} provided");

    private static KeyValuePair<string, HclValue> Pair(string name, string field, HclType type)
    {
        var parts = CsvFields.Parse(field, ':');
        return parts.Count == 2
            ? KeyValuePair.Create(parts[0], Plain(name, parts[1], Primitive(type.Element, type)))
            : throw new BakeException($"expected one k/v pair but got {parts.Count} pieces from {field}");
    }

    private static HclType Primitive(HclType element, HclType type) => element.IsPrimitive ? element : throw new BakeException($"unsupported type {type} for CSV specification");
}
