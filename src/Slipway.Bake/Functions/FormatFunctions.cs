using System.Globalization;
using System.Numerics;
using System.Text;
using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary><c>format</c> and <c>formatlist</c>: printf's verbs as Go has them.</summary>
internal static class FormatFunctions
{
    public static void AddTo(FunctionTable table)
    {
        table.DefineVariadic("format", args => HclValue.Of(Format(args[0].Text, [.. args.Skip(1)])), FunctionTable.Nullable("args"), FunctionTable.Text("format"));
        table.DefineVariadic("formatlist", FormatList, FunctionTable.Nullable("args"), FunctionTable.Text("format"));
    }

    private static HclValue FormatList(IReadOnlyList<HclValue> args)
    {
        var length = -1;
        for (var i = 1; i < args.Count; i++)
        {
            if (args[i].IsNull || !args[i].Type.IsSequence)
            {
                continue;
            }

            length = length < 0 || length == args[i].Items.Length ? args[i].Items.Length
                : throw new FunctionException($"argument {i} has length {args[i].Items.Length}, which is inconsistent with another of length {length}", i);
        }

        return HclValue.Strings(Enumerable.Range(0, length < 0 ? 1 : length).Select(round =>
            Format(args[0].Text, [.. args.Skip(1).Select(arg => !arg.IsNull && arg.Type.IsSequence ? arg.Items[round] : arg)])).ToList());
    }

    private static string Format(string format, IReadOnlyList<HclValue> args)
    {
        var text = new StringBuilder();
        var next = 0;
        var highest = 0;
        for (var at = 0; at < format.Length;)
        {
            if (format[at] != '%')
            {
                text.Append(format[at++]);
                continue;
            }

            if (at + 1 < format.Length && format[at + 1] == '%')
            {
                text.Append('%');
                at += 2;
                continue;
            }

            var verb = FormatVerb.Read(format, ref at, ref next);
            highest = Math.Max(highest, next);
            text.Append(Written(verb, Argument(verb, args)));
        }

        return highest < args.Count && !format.Contains('[', StringComparison.Ordinal)
            ? throw new FunctionException(highest == 0 && args.Count > 0 ? "too many arguments; no verbs in format string" : $"too many arguments; only {highest} used by format string", highest + 1)
            : text.ToString();
    }

    private static HclValue Argument(FormatVerb verb, IReadOnlyList<HclValue> args)
    {
        if (verb.Argument >= args.Count)
        {
            throw new FunctionException($"not enough arguments for \"{verb.Raw}\" at {verb.Offset}: need index {verb.Argument + 1} but have {args.Count} total");
        }

        var value = args[verb.Argument];
        return value.IsNull && verb.Letter != 'v' ? throw Unsupported(verb, "null value cannot be formatted") : value;
    }

    private static string Written(FormatVerb verb, HclValue value) => verb.Letter switch
    {
        'v' => verb.Pad(!verb.Sharp && !value.IsNull && value.Type.Kind == HclKind.String ? value.Text
            : !verb.Sharp && !value.IsNull && value.Type.Kind == HclKind.Number ? DecimalDigits.Shortest(value.Number).General(null, 'e')
            : HclJson.Write(value)),
        't' => Converted(verb, value, HclType.Bool).Truth ? "true" : "false",
        'b' or 'd' or 'o' or 'x' or 'X' => Integer(verb, Converted(verb, value, HclType.Number).Number),
        'e' or 'E' or 'f' or 'g' or 'G' => Decimal(verb, Converted(verb, value, HclType.Number).Number),
        's' => verb.Pad(verb.Cut(Converted(verb, value, HclType.String).Text)),
        'q' => verb.Pad(HclJson.Write(HclValue.Of(verb.Cut(Converted(verb, value, HclType.String).Text)))),
        _ => throw new FunctionException($"unsupported format verb '{verb.Letter}' in \"{verb.Raw}\" at offset {verb.Offset}"),
    };

    private static HclValue Converted(FormatVerb verb, HclValue value, HclType type)
    {
        try
        {
            return Conversion.To(value, type);
        }
        catch (ConversionException problem)
        {
            throw Unsupported(verb, problem.Message);
        }
    }

    private static FunctionException Unsupported(FormatVerb verb, string why) => new($"unsupported value for \"{verb.Raw}\" at {verb.Offset}: {why}");

    private static string Integer(FormatVerb verb, HclNumber number)
    {
        if (!number.IsInteger)
        {
            throw Unsupported(verb, "an integer is required");
        }

        var size = BigInteger.Abs(number.ToInteger());
        var digits = verb.Letter switch
        {
            'd' => size.ToString(CultureInfo.InvariantCulture),
            'x' => Radix(size, 4),
            'X' => Radix(size, 4).ToUpperInvariant(),
            'o' => Radix(size, 3),
            _ => Radix(size, 1),
        };
        var prefix = !verb.Sharp ? "" : verb.Letter switch
        {
            'x' => "0x",
            'X' => "0X",
            'o' => "0",
            'b' => "0b",
            _ => "",
        };
        return verb.PadNumber(number.Sign < 0, prefix, digits.PadLeft(verb.Precision ?? 0, '0'), zeros: verb.Precision is null);
    }

    private static string Radix(BigInteger size, int bits)
    {
        var text = new StringBuilder();
        var mask = (1 << bits) - 1;
        do
        {
            text.Insert(0, "0123456789abcdef"[(int)(size & mask)]);
            size >>= bits;
        }
        while (!size.IsZero);
        return text.ToString();
    }

    private static string Decimal(FormatVerb verb, HclNumber number)
    {
        var exact = DecimalDigits.Exact(number) with { Negative = false };
        var text = verb.Letter switch
        {
            'f' => exact.Fixed(verb.Precision ?? 6),
            'e' or 'E' => exact.Scientific(verb.Precision ?? 6, verb.Letter),
            _ => (verb.Precision is null ? DecimalDigits.Shortest(number) with { Negative = false } : exact).General(verb.Precision, verb.Letter == 'g' ? 'e' : 'E'),
        };
        return verb.PadNumber(number.Sign < 0, "", text, zeros: true);
    }
}
