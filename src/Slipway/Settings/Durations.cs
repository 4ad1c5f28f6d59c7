using System.Globalization;

namespace Slipway.Settings;

/// <summary>Times as people type them: <c>90d</c>, <c>12h</c>, <c>10m</c>, <c>30s</c>.</summary>
internal static class Durations
{
    public const string Expected = "a number with s, m, h or d, for example 90d";

    public static TimeSpan? Parse(string text)
    {
        if (text.Length < 2 || !long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            || count > 100_000_000)
        {
            return null;
        }

        return text[^1] switch
        {
            's' => TimeSpan.FromSeconds(count),
            'm' => TimeSpan.FromMinutes(count),
            'h' => TimeSpan.FromHours(count),
            'd' when count <= 100_000 => TimeSpan.FromDays(count),
            _ => null,
        };
    }
}
