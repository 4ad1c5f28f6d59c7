using System.Globalization;

namespace Slipway.Bake.Functions;

/// <summary>One <c>%…</c> of a format string.</summary>
internal sealed record FormatVerb
{
    private const int WidthMax = 10_000;

    public required string Raw { get; init; }

    public required int Offset { get; init; }

    /// <summary>From 0.</summary>
    public required int Argument { get; init; }

    public required char Letter { get; init; }

    public bool Zero { get; init; }

    public bool Sharp { get; init; }

    public bool Plus { get; init; }

    public bool Minus { get; init; }

    public bool Space { get; init; }

    public int? Width { get; init; }

    public int? Precision { get; init; }

    /// <param name="at">Of the percent sign; then of what follows the verb.</param>
    /// <param name="next">The argument that is taken where the verb names none; then the one after it.</param>
    public static FormatVerb Read(string format, ref int at, ref int next)
    {
        var start = at++;
        var flags = at;
        while (at < format.Length && "0#+- ".Contains(format[at], StringComparison.Ordinal))
        {
            at++;
        }

        var given = format.AsSpan(flags, at - flags);
        var width = Digits(format, ref at);
        int? precision = null;
        if (at < format.Length && format[at] == '.')
        {
            at++;
            precision = Digits(format, ref at) ?? throw Broken(format, start);
        }

        var argument = Index(format, ref at, start) ?? next;
        next = argument + 1;
        if (at >= format.Length)
        {
            throw Broken(format, start);
        }

        var letter = format[at++];
        return new FormatVerb
        {
            Raw = format[start..at],
            Offset = start,
            Argument = argument,
            Letter = letter,
            Zero = given.Contains('0'),
            Sharp = given.Contains('#'),
            Plus = given.Contains('+'),
            Minus = given.Contains('-'),
            Space = given.Contains(' '),
            Width = width,
            Precision = precision,
        };
    }

    public string Cut(string text) => Precision is > 0 ? string.Concat(Graphemes.Of(text).Take(Precision.Value)) : text;

    public string Pad(string text)
    {
        var missing = (Width ?? 0) - Graphemes.Count(text);
        return missing <= 0 ? text : Minus ? text + new string(Zero ? '0' : ' ', missing) : new string(Zero ? '0' : ' ', missing) + text;
    }

    public string PadNumber(bool negative, string prefix, string digits, bool zeros)
    {
        var sign = negative ? "-" : Plus ? "+" : Space ? " " : "";
        var missing = Math.Max(0, (Width ?? 0) - sign.Length - prefix.Length - digits.Length);
        return Minus ? sign + prefix + digits + new string(' ', missing)
            : Zero && zeros ? sign + prefix + new string('0', missing) + digits
            : new string(' ', missing) + sign + prefix + digits;
    }

    private static int? Digits(string format, ref int at)
    {
        var start = at;
        while (at < format.Length && char.IsAsciiDigit(format[at]))
        {
            at++;
        }

        return int.TryParse(format.AsSpan(start, at - start), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? Math.Min(number, WidthMax) : null;
    }

    private static int? Index(string format, ref int at, int start)
    {
        if (at >= format.Length || format[at] != '[')
        {
            return null;
        }

        at++;
        var index = Digits(format, ref at);
        return index is > 0 && at < format.Length && format[at++] == ']' ? index - 1 : throw Broken(format, start);
    }

    private static FunctionException Broken(string format, int start) =>
        new($"unrecognized format sequence \"{format[start..]}\" at offset {start}", 0);
}
