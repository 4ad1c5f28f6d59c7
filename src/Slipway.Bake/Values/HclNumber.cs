using System.Globalization;
using System.Numerics;

namespace Slipway.Bake.Values;

/// <summary>A binary floating-point number of a given precision, rounded to nearest even: what Go's math/big computes with.</summary>
/// <remarks>Literals have 512 bits, which is how 0.1 prints as 0.1 and a third as 154 digits. A number from the environment has a double's 53.
/// The mantissa is odd or zero, so that equal numbers have equal parts.</remarks>
internal readonly struct HclNumber : IComparable<HclNumber>, IEquatable<HclNumber>
{
    public const int LiteralBits = 512;
    private const int IntegerBits = 64;
    private const int DoubleBits = 53;

    /// <summary>A literal with a larger exponent is refused: its digits would fill the memory.</summary>
    private const int ExponentMax = 10_000;

    private HclNumber(BigInteger mantissa, int exponent, int bits)
    {
        Mantissa = mantissa;
        Exponent = exponent;
        Bits = bits;
    }

    public static HclNumber Zero { get; } = new(0, 0, IntegerBits);

    public BigInteger Mantissa { get; }

    public int Exponent { get; }

    public int Bits { get; }

    public int Sign => Mantissa.Sign;

    public bool IsInteger => Exponent >= 0;

    public static HclNumber From(long value) => Rounded(value, 0, IntegerBits);

    public static HclNumber From(BigInteger value) => Rounded(value, 0, Math.Max(IntegerBits, (int)BigInteger.Abs(value).GetBitLength()));

    /// <summary>The double's exact value; null where it is no number.</summary>
    public static HclNumber? From(double value)
    {
        if (!double.IsFinite(value))
        {
            return null;
        }

        var bits = BitConverter.DoubleToInt64Bits(value);
        var exponent = (int)((bits >> 52) & 0x7ff);
        var mantissa = bits & 0xf_ffff_ffff_ffffL;
        mantissa = exponent == 0 ? mantissa : mantissa | 0x10_0000_0000_0000L;
        return Rounded(bits < 0 ? -mantissa : mantissa, Math.Max(exponent, 1) - 1075, DoubleBits);
    }

    /// <summary>Reads decimal digits with an optional sign, fraction and exponent; null where the text is none of these.</summary>
    public static HclNumber? Parse(ReadOnlySpan<char> text)
    {
        var at = text.Length > 0 && text[0] is '-' or '+' ? 1 : 0;
        var digits = BigInteger.Zero;
        var exponent = 0;
        var any = false;
        var fraction = false;
        for (; at < text.Length && text[at] is (>= '0' and <= '9') or '.'; at++)
        {
            if (text[at] == '.')
            {
                if (fraction)
                {
                    return null;
                }

                fraction = true;
                continue;
            }

            any = true;
            digits = (digits * 10) + (text[at] - '0');
            exponent -= fraction ? 1 : 0;
        }

        if (any && at < text.Length && text[at] is 'e' or 'E' && int.TryParse(text[(at + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var power))
        {
            exponent = Math.Clamp(power, -2 * ExponentMax, 2 * ExponentMax) + exponent;
            at = text.Length;
        }

        return any && at == text.Length && Math.Abs(exponent) <= ExponentMax ? FromDecimal(text[0] == '-' ? -digits : digits, exponent) : null;
    }

    public HclNumber Add(HclNumber other)
    {
        var exponent = Math.Min(Exponent, other.Exponent);
        return Rounded(At(exponent) + other.At(exponent), exponent, Math.Max(Bits, other.Bits));
    }

    public HclNumber Negate() => new(-Mantissa, Exponent, Bits);

    public HclNumber Subtract(HclNumber other) => Add(other.Negate());

    /// <summary>Keeps every bit of a product that 512 bits can hold.</summary>
    public HclNumber Multiply(HclNumber other)
    {
        var product = Rounded(Mantissa * other.Mantissa, Exponent + other.Exponent, LiteralBits);
        var needed = (int)BigInteger.Abs(product.Mantissa).GetBitLength();
        return new HclNumber(product.Mantissa, product.Exponent, Math.Max(needed, Math.Max(Bits, other.Bits)));
    }

    /// <exception cref="DivideByZeroException">The divisor is zero.</exception>
    public HclNumber Divide(HclNumber divisor)
    {
        if (divisor.Mantissa.IsZero)
        {
            throw new DivideByZeroException();
        }

        return Quotient(Mantissa, divisor.Mantissa, Exponent - divisor.Exponent, Math.Max(Bits, divisor.Bits));
    }

    /// <summary>What is left after the whole part of the quotient; the number itself where the divisor is zero.</summary>
    public HclNumber Modulo(HclNumber divisor) =>
        divisor.Mantissa.IsZero ? this : Subtract(divisor.Multiply(From(Divide(divisor).ToInteger())));

    /// <summary>Without the fraction.</summary>
    public BigInteger ToInteger() => Exponent >= 0 ? Mantissa << Exponent : Mantissa.Sign * (BigInteger.Abs(Mantissa) >> -Exponent);

    public double ToDouble() => double.Parse(ToString(), CultureInfo.InvariantCulture);

    /// <summary>Whole and within 64 bits, or null.</summary>
    public long? ToInt64() => IsInteger && ToInteger() is var whole && whole >= long.MinValue && whole <= long.MaxValue ? (long)whole : null;

    public int CompareTo(HclNumber other)
    {
        var exponent = Math.Min(Exponent, other.Exponent);
        return At(exponent).CompareTo(other.At(exponent));
    }

    public bool Equals(HclNumber other) => Mantissa == other.Mantissa && (Mantissa.IsZero || Exponent == other.Exponent);

    public override bool Equals(object? obj) => obj is HclNumber other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(Mantissa, Mantissa.IsZero ? 0 : Exponent);

    /// <summary>The fewest digits that read back as this number, never with an exponent.</summary>
    public override string ToString() => DecimalDigits.Shortest(this).Plain();

    private BigInteger At(int exponent) => Mantissa << (Exponent - exponent);

    private static HclNumber FromDecimal(BigInteger digits, int exponent) => exponent >= 0
        ? Rounded(digits * BigInteger.Pow(10, exponent), 0, LiteralBits)
        : Quotient(digits, BigInteger.Pow(5, -exponent), exponent, LiteralBits);

    /// <summary>Divides with two bits to spare; a remainder shows as the lowest of them, so that rounding sees it.</summary>
    private static HclNumber Quotient(BigInteger dividend, BigInteger divisor, int exponent, int bits)
    {
        var shift = Math.Max(0, bits + 2 + (int)BigInteger.Abs(divisor).GetBitLength() - (int)BigInteger.Abs(dividend).GetBitLength());
        var quotient = BigInteger.DivRem(BigInteger.Abs(dividend) << shift, BigInteger.Abs(divisor), out var remainder);
        quotient = (quotient << 1) | (remainder.IsZero ? 0 : 1);
        return Rounded(dividend.Sign * divisor.Sign * quotient, exponent - shift - 1, bits);
    }

    private static HclNumber Rounded(BigInteger mantissa, int exponent, int bits)
    {
        if (mantissa.IsZero)
        {
            return new HclNumber(0, 0, bits);
        }

        var size = BigInteger.Abs(mantissa);
        var excess = (int)size.GetBitLength() - bits;
        if (excess > 0)
        {
            var half = BigInteger.One << (excess - 1);
            var rest = size & ((BigInteger.One << excess) - 1);
            size >>= excess;
            size += rest > half || (rest == half && !size.IsEven) ? 1 : 0;
            exponent += excess;
        }

        var zeros = (int)BigInteger.TrailingZeroCount(size);
        return new HclNumber(mantissa.Sign * (size >> zeros), exponent + zeros, bits);
    }
}
