using System.Globalization;
using Depot.Cli.Flags;

namespace Depot.Cli.Build;

/// <summary><c>--ulimit type=soft[:hard]</c>, in the form that the frontend takes.</summary>
internal static class Ulimit
{
    private static readonly string[] Types =
    [
        "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
    ];

    public static string Parse(string text)
    {
        var (type, limits) = Cut(text, '=');
        if (limits is null)
        {
            throw new FlagException($"invalid ulimit argument: {text}");
        }

        if (!Types.Contains(type))
        {
            throw new FlagException($"invalid ulimit type: {type}");
        }

        var (softText, hardText) = Cut(limits, ':');
        var soft = Number(softText);
        var hard = hardText is null ? soft : Number(hardText);
        if (hard != -1 && (soft == -1 || soft > hard))
        {
            throw new FlagException(soft == -1
                ? $"ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: {hard}"
                : $"ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}");
        }

        return string.Create(CultureInfo.InvariantCulture, $"{type}={soft}:{hard}");
    }

    private static (string Before, string? After) Cut(string text, char separator)
    {
        var at = text.IndexOf(separator, StringComparison.Ordinal);
        return at < 0 ? (text, null) : (text[..at], text[(at + 1)..]);
    }

    private static long Number(string text) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new FlagException($"strconv.ParseInt: parsing {GoText.Quote(text)}: invalid syntax");
}
