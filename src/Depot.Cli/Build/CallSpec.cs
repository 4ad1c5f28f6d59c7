using Depot.Cli.Flags;
using Slipway.BuildKit;

namespace Depot.Cli.Build;

/// <summary><c>--call</c>: a question to the frontend in the place of a build, and how its answer is shown.</summary>
/// <param name="Name">As the frontend knows it: <c>lint</c>, <c>outline</c>, <c>targets</c>, <c>subrequests.describe</c>, …</param>
internal sealed record CallSpec(string Name, string Format = "", bool IgnoresStatus = false)
{
    /// <summary>Null for an ordinary build.</summary>
    public static CallSpec? Parse(string text)
    {
        var (name, format, ignoresStatus) = ("", "", false);
        foreach (var field in text.Length == 0 ? [] : CsvFields.Parse(text))
        {
            switch (field.Split('=', 2))
            {
                case ["format", var value]:
                    format = value;
                    break;
                case ["ignorestatus", var value]:
                    ignoresStatus = FlagTable.TryParseBool(value) ?? throw new CliException($"invalid ignorestatus print value: {value}: strconv.ParseBool: parsing {GoText.Quote(value)}: invalid syntax");
                    break;
                case [_, _]:
                    throw new CliException($"invalid print field: {field}");
                case [var value] when name.Length == 0:
                    name = value;
                    break;
                default:
                    throw new CliException($"invalid print value: {text}");
            }
        }

        return name is "" or "build" ? null : new CallSpec(name == "check" ? "lint" : name, format, ignoresStatus);
    }
}
