using Slipway.BuildKit;

namespace Depot.Cli.Build;

/// <summary>One <c>--output</c>: its type, where it goes, and what the exporter is told.</summary>
internal sealed record OutputSpec(string Type, string Destination, Dictionary<string, string> Attributes)
{
    public static OutputSpec Of(string type, params (string Key, string Value)[] attributes) =>
        new(type, "", attributes.ToDictionary(entry => entry.Key, entry => entry.Value, StringComparer.Ordinal));

    public static OutputSpec Parse(string text)
    {
        var fields = CsvFields.Parse(text);
        if (fields.Count == 1 && fields[0] == text && !text.StartsWith("type=", StringComparison.Ordinal))
        {
            return text == "-" ? Of("tar") with { Destination = "-" } : Of("local") with { Destination = text };
        }

        var type = "";
        var destination = "";
        var attributes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in AttributeFields.Pairs(fields))
        {
            switch (key)
            {
                case "type":
                    type = value;
                    break;
                case "dest":
                    destination = value;
                    break;
                default:
                    attributes[key] = value;
                    break;
            }
        }

        return type.Length == 0 ? throw new CliException("type is required for output") : new OutputSpec(type, destination, attributes);
    }
}
