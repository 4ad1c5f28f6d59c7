using System.Globalization;
using Slipway.Bake.Definition;

namespace Slipway.Bake.Compose;

/// <summary>Sizes as Docker writes them: <c>64m</c> is 64 MiB.</summary>
internal static class ByteSize
{
    private const string Units = "kmgtp";

    /// <exception cref="BakeException">The text is no size.</exception>
    public static long Parse(string text)
    {
        var number = text.TrimEnd().ToLowerInvariant().TrimEnd('b').TrimEnd('i').TrimEnd();
        var unit = number.Length > 0 ? Units.IndexOf(number[^1], StringComparison.Ordinal) : -1;
        number = unit >= 0 ? number[..^1].TrimEnd() : number;
        return decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && value < long.MaxValue >> (10 * (unit + 1))
            ? (long)(value * (1L << (10 * (unit + 1))))
            : throw new BakeException($"invalid size: '{text}'");
    }

    /// <summary>With four digits at most, which is how the definition carries it on.</summary>
    public static string Written(long bytes)
    {
        var value = (double)bytes;
        var unit = 0;
        for (; value >= 1024 && unit < 5; unit++)
        {
            value /= 1024;
        }

        return value.ToString("G4", CultureInfo.InvariantCulture) + new[] { "B", "KiB", "MiB", "GiB", "TiB", "PiB" }[unit];
    }
}
