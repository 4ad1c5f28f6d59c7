using Depot.Cli.Flags;
using Slipway.BuildKit;

namespace Depot.Cli.Build;

/// <summary>The attestations of a build, from <c>--attest</c>, <c>--provenance</c> and <c>--sbom</c>.</summary>
internal static class AttestSpec
{
    /// <summary>By type: the frontend's attribute, or null where the user turned the type off. The first mention of a type counts.</summary>
    public static IReadOnlyDictionary<string, string?> ParseAll(BuildArguments arguments)
    {
        var result = new Dictionary<string, string?>(StringComparer.Ordinal);
        var texts = arguments.Attests.Concat(Shorthand("provenance", arguments.Provenance)).Concat(Shorthand("sbom", arguments.Sbom));
        foreach (var text in texts)
        {
            var (type, value) = Parse(text);
            result.TryAdd(type, value);
        }

        if (arguments.SbomFolder.Length > 0 && !result.ContainsKey("sbom"))
        {
            // Who wants the files wants them made.
            result["sbom"] = "type=sbom";
        }

        return result;
    }

    private static IEnumerable<string> Shorthand(string type, string value) => FlagTable.TryParseBool(value) switch
    {
        _ when value.Length == 0 => [],
        true => [$"type={type},disabled=false"],
        false => [$"type={type},disabled=true"],
        null => [$"type={type},{value}"],
    };

    private static (string Type, string? Value) Parse(string text)
    {
        var type = "";
        var disabled = false;
        var attributes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var field in CsvFields.Parse(text))
        {
            var equals = field.IndexOf('=', StringComparison.Ordinal);
            var (key, value) = equals < 0 ? throw new CliException($"invalid value {field}") : (field[..equals], field[(equals + 1)..]);
            switch (key.Trim().ToLowerInvariant())
            {
                case "type":
                    type = value;
                    break;
                case "disabled":
                    disabled = FlagTable.TryParseBool(value) ?? throw new CliException($"invalid value {field}: strconv.ParseBool: parsing {GoText.Quote(value)}: invalid syntax");
                    break;
                default:
                    attributes[key] = value;
                    break;
            }
        }

        return type.Length == 0 ? throw new CliException("attestation type not specified") : (type, disabled ? null : AttributeFields.Format(type, attributes));
    }
}
