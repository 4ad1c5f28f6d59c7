using System.Globalization;
using System.Text.RegularExpressions;

namespace Slipway.Builder.Engine;

/// <summary>Version numbers as engines print them.</summary>
internal static partial class EngineVersion
{
    /// <summary>The first x.y[.z] in a text, or null.</summary>
    public static Version? Find(string text)
    {
        var match = Pattern().Match(text);
        return match.Success
            ? new Version(Number(match.Groups[1]), Number(match.Groups[2]), match.Groups[3].Success ? Number(match.Groups[3]) : 0)
            : null;
    }

    private static int Number(Group group) => int.Parse(group.ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\b?v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?")]
    private static partial Regex Pattern();
}
