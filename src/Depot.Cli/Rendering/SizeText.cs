using System.Globalization;
using Slipway.BuildKit.Progress;

namespace Depot.Cli.Rendering;

/// <summary>Sizes in decimal units with two decimals; plain bytes below a thousand.</summary>
internal static class SizeText
{
    private static readonly string[] s_units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

    public static string Format(long bytes)
    {
        var unit = 0;
        var divisor = 1.0;
        while (unit < s_units.Length - 1 && Math.Abs((double)bytes) >= divisor * 1000)
        {
            unit++;
            divisor *= 1000;
        }

        return unit == 0 ? string.Create(CultureInfo.InvariantCulture, $"{bytes}B") : FixedPoint.Format(bytes / divisor, 2) + s_units[unit];
    }

    /// <summary><c>current / total</c>, or what of it is known; empty when nothing is.</summary>
    public static string Progress(long current, long total) =>
        total != 0 ? $"{Format(current)} / {Format(total)}" : current != 0 ? Format(current) : "";
}
