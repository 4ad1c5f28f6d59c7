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
        catch (YamlException problem)
        {
            throw new FormatException($"line {problem.Start.Line}: {problem.Message}", problem);
        }
    }

    private static List<KeyValuePair<string, string?>> ReadMapping(Parser parser)
    {
        var entries = new List<KeyValuePair<string, string?>>();
        parser.Consume<StreamStart>();
        if (!parser.TryConsume<DocumentStart>(out _))
        {
            return entries;
        }

        if (!parser.TryConsume<MappingStart>(out _))
        {
            // A file that holds nothing but comments is an empty scalar to YAML.
            return parser.TryConsume<Scalar>(out var scalar) && scalar.Value.Length == 0
                ? entries
                : throw new FormatException("the file holds no keys");
        }

        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var key = parser.Consume<Scalar>().Value;
            if (parser.TryConsume<Scalar>(out var value))
            {
                entries.Add(new(key, value.IsPlainImplicit && value.Value is "null" or "~" ? null : value.Value));
            }
            else
            {
                parser.SkipThisAndNestedEvents();
                entries.Add(new(key, null));
            }
        }

        return entries;
    }
}
