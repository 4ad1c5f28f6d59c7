using System.Globalization;
using Slipway.Bake.Values;
using Slipway.BuildKit;

namespace Slipway.Bake.Definition;

/// <summary>What the entries of <c>cache-from</c>, <c>output</c> and their kind have in common: they are written as text or as an object.</summary>
internal static class Entries
{
    /// <summary>The fields of <c>a=b,c=d</c>.</summary>
    /// <exception cref="BakeException">The text breaks the quoting rules.</exception>
    public static IReadOnlyList<string> Fields(string text)
    {
        try
        {
            return CsvFields.Parse(text);
        }
        catch (InputException problem)
        {
            throw new BakeException(problem.Message, problem);
        }
    }

    /// <summary>The strings of an object; what is null is left out.</summary>
    public static SortedDictionary<string, string> Strings(HclValue value)
    {
        var strings = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, entry) in Conversion.To(value, HclType.Map(HclType.String)).Entries)
        {
            if (!entry.IsNull)
            {
                strings[key] = entry.Text;
            }
        }

        return strings;
    }

    /// <summary>Reads every element of a list; a string is read as text, anything else as an object. Empty strings do not count.</summary>
    /// <exception cref="ConversionException">The value is no list.</exception>
    public static List<T> Read<T>(HclValue value, HclType element, Func<string, IEnumerable<T>> text, Func<HclValue, T> entry)
    {
        if (value.Type.Kind is not (HclKind.Tuple or HclKind.List))
        {
            throw Conversion.Mismatch(value.Type, HclType.List(element));
        }

        var entries = new List<T>();
        foreach (var item in value.Items.Where(item => !item.IsNull))
        {
            if (item.Type.Kind != HclKind.String)
            {
                entries.Add(entry(item));
            }
            else if (item.Text.Length > 0)
            {
                entries.AddRange(text(item.Text));
            }
        }

        return entries;
    }

    /// <summary><c>a=b,c=d</c>, quoted where a value needs it.</summary>
    public static string Text(IEnumerable<KeyValuePair<string, string>> fields) => CsvFields.Format(fields.Select(pair => $"{pair.Key}={pair.Value}"));

    /// <summary>One entry for each key, the last one given, in the place of the first.</summary>
    public static List<T>? LastOfEach<T>(List<T>? entries, Func<T, string> key)
    {
        if (entries is not { Count: > 0 })
        {
            return null;
        }

        var kept = new List<T>();
        foreach (var entry in entries)
        {
            var place = kept.FindIndex(known => key(known) == key(entry));
            if (place >= 0)
            {
                kept[place] = entry;
            }
            else
            {
                kept.Add(entry);
            }
        }

        return kept;
    }

    /// <summary>Equal entries once. From the back; the last entry takes a removed one's place, so that the order is the one that buildx prints.</summary>
    public static List<T>? Distinct<T>(List<T>? entries, Func<T, string> key)
    {
        if (entries is not { Count: > 0 })
        {
            return null;
        }

        var kept = new List<T>(entries);
        for (var i = kept.Count - 2; i >= 0; i--)
        {
            var twin = kept.FindIndex(i + 1, other => key(other) == key(kept[i]));
            if (twin >= 0)
            {
                kept[twin] = kept[^1];
                kept.RemoveAt(kept.Count - 1);
            }
        }

        return kept;
    }

    public static bool Truth(string text, string otherwise) => text switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => throw new BakeException(string.Create(CultureInfo.InvariantCulture, $"{otherwise}: strconv.ParseBool: parsing \"{text}\": invalid syntax")),
    };
}
