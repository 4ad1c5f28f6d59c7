using System.Globalization;
using Depot.Cli.Flags;

namespace Depot.Cli.Build;

/// <summary>Sizes as Docker's flags take them: <c>64m</c>, <c>1.5GiB</c>, <c>1024</c>; units are powers of 1024.</summary>
internal static class MemorySize
{
    public static long Parse(string text)
    {
        var end = text.Length;
        while (end > 0 && !char.IsAsciiDigit(text[end - 1]) && text[end - 1] != '.')
        {
            end--;
        }

        var unit = text[end..].TrimStart(' ').ToLowerInvariant();
        if (!double.TryParse(text[..end], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) || number < 0)
        {
            throw new FlagException($"invalid size: '{text}'");
        }

        var exponent = unit switch
        {
            "" or "b" => 0,
            "k" or "kb" or "kib" => 1,
            "m" or "mb" or "mib" => 2,
            "g" or "gb" or "gib" => 3,
            "t" or "tb" or "tib" => 4,
            "p" or "pb" or "pib" => 5,
            _ => throw new FlagException($"invalid suffix: '{unit}'"),
        };
        return (long)(number * Math.Pow(1024, exponent));
    }
}
