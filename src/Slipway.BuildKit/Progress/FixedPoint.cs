using System.Globalization;
using System.Numerics;

namespace Slipway.BuildKit.Progress;

/// <summary>Decimal text of a number with a fixed count of decimals, rounded as C and Go do: the exact value, halves to even.</summary>
/// <remarks>.NET rounds exact halves away from zero, which shows in times and sizes: 0.25 s is <c>0.2</c> in docker's output.</remarks>
public static class FixedPoint
{
    public static string Format(double value, int decimals)
    {
        if (!double.IsFinite(value))
        {
            return value.ToString(CultureInfo.InvariantCulture);
        }

        var digits = Rounded(Math.Abs(value), decimals).ToString(CultureInfo.InvariantCulture).PadLeft(decimals + 1, '0');
        var sign = double.IsNegative(value) ? "-" : "";
        return decimals == 0 ? sign + digits : $"{sign}{digits[..^decimals]}.{digits[^decimals..]}";
    }

    /// <summary><paramref name="value"/> times ten to the power of <paramref name="decimals"/>, rounded.</summary>
    private static BigInteger Rounded(double value, int decimals)
    {
        // IEEE 754: 52 bits of fraction, 11 of exponent with bias 1023; exponent 0 is subnormal, without the hidden bit.
        var bits = BitConverter.DoubleToInt64Bits(value);
        var exponent = (int)(bits >> 52 & 0x7FF);
        var fraction = bits & 0xF_FFFF_FFFF_FFFF;
        var mantissa = exponent == 0 ? fraction : fraction | 1L << 52;
        var shift = Math.Max(exponent, 1) - 1075;
        var scaled = mantissa * BigInteger.Pow(10, decimals);
        if (shift >= 0)
        {
            return scaled << shift;
        }

        var quotient = scaled >> -shift;
        var half = BigInteger.Compare((scaled - (quotient << -shift)) << 1, BigInteger.One << -shift);
        return half > 0 || (half == 0 && !quotient.IsEven) ? quotient + 1 : quotient;
    }
}
