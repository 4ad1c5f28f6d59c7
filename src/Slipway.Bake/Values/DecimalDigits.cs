using System.Globalization;
using System.Numerics;

namespace Slipway.Bake.Values;

/// <summary>A number as decimal digits: 0.DIGITS × 10^<see cref="Point"/>.</summary>
internal readonly record struct DecimalDigits(bool Negative, string Digits, int Point)
{
    /// <summary>Go's %g without a precision turns to an exponent from here on.</summary>
    private const int ShortestExponentMin = 6;

    public static DecimalDigits Exact(HclNumber number)
    {
        var size = BigInteger.Abs(number.Mantissa);
        var (digits, point) = Expand(size, number.Exponent);
        return new DecimalDigits(number.Sign < 0, digits, point);
    }

    /// <summary>The fewest digits between the two neighbours of the number at its own precision.</summary>
    public static DecimalDigits Shortest(HclNumber number)
    {
        var exact = Exact(number);
        var size = BigInteger.Abs(number.Mantissa);
        if (size.IsZero || (number.IsInteger && size.GetBitLength() + number.Exponent <= number.Bits))
        {
            return exact;
        }

        // One bit more than the precision, so that one step is half of the last place.
        var shift = number.Bits + 1 - (int)size.GetBitLength();
        var middle = size << shift;
        var exponent = number.Exponent - shift;
        var inclusive = ((middle >> 1) & 1).IsZero;
        return exact.Between(Expand(middle - 1, exponent).Digits, Expand(middle + 1, exponent).Digits, inclusive);
    }

    /// <summary>Without an exponent and without zeros that say nothing.</summary>
    public string Plain()
    {
        var whole = Point > 0 ? Padded(0, Point) : "0";
        var fraction = Point >= Digits.Length ? "" : $".{new string('0', Math.Max(0, -Point))}{Digits[Math.Max(0, Point)..]}";
        return Sign + whole + fraction;
    }

    /// <summary>With exactly <paramref name="decimals"/> places.</summary>
    public string Fixed(int decimals)
    {
        var rounded = Rounded(Point + decimals);
        var whole = rounded.Point > 0 ? rounded.Padded(0, rounded.Point) : "0";
        return Sign + whole + (decimals == 0 ? "" : "." + rounded.Padded(rounded.Point, rounded.Point + decimals));
    }

    /// <summary>D.DDe±XX; without <paramref name="decimals"/>, all digits.</summary>
    public string Scientific(int? decimals, char letter)
    {
        var rounded = decimals is { } places ? Rounded(places + 1) : this;
        var fraction = decimals is { } count ? rounded.Padded(1, count + 1) : rounded.Digits.Length > 1 ? rounded.Digits[1..] : "";
        var exponent = rounded.Digits.Length == 0 ? 0 : rounded.Point - 1;
        var sign = exponent < 0 ? '-' : '+';
        return string.Create(CultureInfo.InvariantCulture, $"{Sign}{rounded.Padded(0, 1)}{(fraction.Length > 0 ? "." : "")}{fraction}{letter}{sign}{Math.Abs(exponent):00}");
    }

    /// <summary>%g: an exponent where it is small or large, else plain.</summary>
    public string General(int? significant, char exponentLetter)
    {
        var rounded = significant is { } count ? Rounded(Math.Max(1, count)) : this;
        var limit = significant is { } wanted ? (wanted > rounded.Digits.Length && rounded.Digits.Length >= rounded.Point ? rounded.Digits.Length : wanted) : ShortestExponentMin;
        var exponent = rounded.Point - 1;
        return rounded.Digits.Length > 0 && (exponent < -4 || exponent >= limit) ? rounded.Scientific(null, exponentLetter) : rounded.Plain();
    }

    private string Sign => Negative ? "-" : "";

    private string Padded(int from, int to)
    {
        var text = new char[Math.Max(0, to - from)];
        for (var i = from; i < to; i++)
        {
            text[i - from] = i >= 0 && i < Digits.Length ? Digits[i] : '0';
        }

        return new string(text);
    }

    private DecimalDigits Between(string lower, string upper, bool inclusive)
    {
        for (var i = 0; i < Digits.Length; i++)
        {
            var low = i < lower.Length ? lower[i] : '0';
            var high = i < upper.Length ? upper[i] : '0';
            var down = low != Digits[i] || (inclusive && i + 1 == lower.Length);
            var up = Digits[i] != high && (inclusive || Digits[i] + 1 < high || i + 1 < upper.Length);
            if (down && up)
            {
                return Rounded(i + 1);
            }

            if (down || up)
            {
                return Cut(i + 1, up);
            }
        }

        return this;
    }

    /// <summary>To so many digits; a tie goes to the even one.</summary>
    private DecimalDigits Rounded(int count)
    {
        if (count >= Digits.Length)
        {
            return this;
        }

        if (count < 0)
        {
            return new DecimalDigits(Negative, "", 0);
        }

        var next = Digits[count];
        var tie = next == '5' && count + 1 == Digits.Length;
        var up = tie ? count > 0 && (Digits[count - 1] - '0') % 2 == 1 : next >= '5';
        return Cut(count, up);
    }

    private DecimalDigits Cut(int count, bool up)
    {
        var digits = Digits[..count].ToCharArray();
        var i = count - 1;
        for (; up && i >= 0; i--)
        {
            if (digits[i] < '9')
            {
                digits[i]++;
                break;
            }

            digits[i] = '0';
        }

        return up && i < 0
            ? new DecimalDigits(Negative, "1", Point + 1)
            : new DecimalDigits(Negative, new string(digits).TrimEnd('0'), Point);
    }

    private static (string Digits, int Point) Expand(BigInteger size, int exponent)
    {
        if (size.IsZero)
        {
            return ("", 0);
        }

        var text = (exponent >= 0 ? size << exponent : size * BigInteger.Pow(5, -exponent)).ToString(CultureInfo.InvariantCulture);
        return (text.TrimEnd('0'), text.Length + Math.Min(0, exponent));
    }
}
