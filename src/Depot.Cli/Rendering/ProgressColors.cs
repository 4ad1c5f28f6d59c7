using System.Globalization;
using Slipway.BuildKit;

namespace Depot.Cli.Rendering;

/// <summary>The colours of steps that have ended, as escape sequences; empty means none.</summary>
internal sealed record ProgressColors
{
    private static readonly Dictionary<string, int> s_codes = new(StringComparer.OrdinalIgnoreCase)
    {
        ["default"] = 39,
        ["black"] = 30,
        ["red"] = 31,
        ["green"] = 32,
        ["yellow"] = 33,
        ["blue"] = 34,
        ["magenta"] = 35,
        ["cyan"] = 36,
        ["white"] = 37,
        ["light-black"] = 90,
        ["light-red"] = 91,
        ["light-green"] = 92,
        ["light-yellow"] = 93,
        ["light-blue"] = 94,
        ["light-magenta"] = 95,
        ["light-cyan"] = 96,
        ["light-white"] = 97,
    };

    public string Run { get; init; } = "";

    public string Cancel { get; init; } = "";

    public string Warning { get; init; } = "";

    public string Error { get; init; } = "";

    /// <summary>The user's colours; of <c>BUILDKIT_COLORS</c>, parts that make no sense are passed over.</summary>
    public static ProgressColors From(TerminalOptions options)
    {
        if (options.NoColor)
        {
            return new ProgressColors();
        }

        var colors = new ProgressColors { Run = Code(34), Cancel = Code(33), Warning = Code(33), Error = Code(31) };
        foreach (var field in Fields(options.Colors))
        {
            var parts = field.Split('=');
            if (parts.Length == 2 && ColorOf(parts[1]) is { } color)
            {
                colors = parts[0].ToLowerInvariant() switch
                {
                    "run" => colors with { Run = color },
                    "cancel" => colors with { Cancel = color },
                    "error" => colors with { Error = color },
                    "warning" => colors with { Warning = color },
                    _ => colors,
                };
            }
        }

        return colors;
    }

    private static IReadOnlyList<string> Fields(string? colors)
    {
        if (string.IsNullOrEmpty(colors))
        {
            return [];
        }

        try
        {
            return CsvFields.Parse(colors, ':');
        }
        catch (InputException)
        {
            // A colour is no reason to refuse a build.
            return [];
        }
    }

    private static string? ColorOf(string word)
    {
        if (s_codes.TryGetValue(word, out var code))
        {
            return Code(code);
        }

        var parts = word.Split(',');
        var levels = new byte[3];
        for (var i = 0; i < levels.Length; i++)
        {
            if (parts.Length != levels.Length || !byte.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out levels[i]))
            {
                return null;
            }
        }

        // The 6×6×6 cube of the 256-colour palette.
        return string.Create(CultureInfo.InvariantCulture, $"\e[38;5;{16 + (36 * (levels[0] / 43)) + (6 * (levels[1] / 43)) + (levels[2] / 43)}m");
    }

    private static string Code(int code) => string.Create(CultureInfo.InvariantCulture, $"\e[{code}m");
}
