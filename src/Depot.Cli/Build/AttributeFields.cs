using Slipway.BuildKit;

namespace Depot.Cli.Build;

/// <summary>The <c>key=value</c> fields of an attribute string, with buildx's texts for what is none.</summary>
internal static class AttributeFields
{
    public static IEnumerable<(string Key, string Value)> Pairs(IEnumerable<string> fields)
    {
        foreach (var field in fields)
        {
            var equals = field.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
            {
                throw new CliException($"invalid value {field}");
            }

            yield return (field[..equals].Trim().ToLowerInvariant(), field[(equals + 1)..]);
        }
    }

    /// <summary>The text that reads back as these pairs; attributes in key order, as buildx writes them.</summary>
    public static string Format(string type, IReadOnlyDictionary<string, string> attributes) =>
        CsvFields.Format(attributes.OrderBy(entry => entry.Key, StringComparer.Ordinal)
            .Select(entry => $"{entry.Key}={entry.Value}").Prepend($"type={type}"));
}
