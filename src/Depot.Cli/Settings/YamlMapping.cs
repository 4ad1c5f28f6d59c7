using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Depot.Cli.Settings;

/// <summary>The top level of a small YAML (or JSON) file: scalar values by key.</summary>
internal static class YamlMapping
{
    /// <summary>Reads <paramref name="text"/>; a value that is no scalar counts as null.</summary>
    /// <exception cref="FormatException">The text is no YAML mapping.</exception>
    public static IReadOnlyList<KeyValuePair<string, string?>> Read(string text)
    {
        try
        {
            return ReadMapping(new Parser(new StringReader(text)));
        }
        catch (Exception problem) when (problem is YamlException or ArgumentException or InvalidOperationException)
        {
            throw Malformed(problem);
        }
    }

    /// <summary>The mappings in the list under <paramref name="key"/>; none where it is no list of mappings.</summary>
    /// <exception cref="FormatException">The text is no YAML mapping.</exception>
    public static IReadOnlyList<IReadOnlyList<KeyValuePair<string, string?>>> ReadItems(string text, string key)
    {
        var items = new List<IReadOnlyList<KeyValuePair<string, string?>>>();
        try
        {
            var parser = new Parser(new StringReader(text));
            if (TryEnter(parser))
            {
                ReadEntries(parser, (name, rest) => name == key && TakeItems(rest, items));
            }
        }
        catch (Exception problem) when (problem is YamlException or ArgumentException or InvalidOperationException)
        {
            throw Malformed(problem);
        }

        return items;
    }

    /// <summary>The parser has its own kind of exception, and forgets it for a tag that is no URI.</summary>
    private static FormatException Malformed(Exception problem) =>
        new(problem is YamlException { Start.Line: > 0 } yaml ? $"line {yaml.Start.Line}: {yaml.Message}" : problem.Message, problem);

    private static List<KeyValuePair<string, string?>> ReadMapping(Parser parser)
    {
        if (TryEnter(parser))
        {
            return ReadEntries(parser, (_, _) => false);
        }

        return [];
    }

    /// <summary>Steps into the mapping; false where the text holds nothing.</summary>
    private static bool TryEnter(Parser parser)
    {
        parser.Consume<StreamStart>();
        if (!parser.TryConsume<DocumentStart>(out _))
        {
            return false;
        }

        if (parser.TryConsume<MappingStart>(out _))
        {
            return true;
        }

        // A file that holds nothing but comments is an empty scalar to YAML.
        return parser.TryConsume<Scalar>(out var scalar) && scalar.Value.Length == 0 ? false : throw new FormatException("the file holds no keys");
    }

    /// <param name="take">Sees each value that is no scalar first; true when it has read it.</param>
    private static List<KeyValuePair<string, string?>> ReadEntries(Parser parser, Func<string, Parser, bool> take)
    {
        var entries = new List<KeyValuePair<string, string?>>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (!parser.TryConsume<Scalar>(out var key))
            {
                throw new FormatException($"line {parser.Current?.Start.Line}: a key must be plain text");
            }

            if (parser.TryConsume<Scalar>(out var value))
            {
                entries.Add(new(key.Value, value.IsPlainImplicit && value.Value is "null" or "~" ? null : value.Value));
            }
            else
            {
                if (!take(key.Value, parser))
                {
                    parser.SkipThisAndNestedEvents();
                }

                entries.Add(new(key.Value, null));
            }
        }

        return entries;
    }

    private static bool TakeItems(Parser parser, List<IReadOnlyList<KeyValuePair<string, string?>>> items)
    {
        if (!parser.TryConsume<SequenceStart>(out _))
        {
            return false;
        }

        while (!parser.TryConsume<SequenceEnd>(out _))
        {
            if (parser.TryConsume<MappingStart>(out _))
            {
                items.Add(ReadEntries(parser, (_, _) => false));
            }
            else
            {
                parser.SkipThisAndNestedEvents();
            }
        }

        return true;
    }
}
