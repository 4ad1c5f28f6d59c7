using System.Globalization;
using System.Numerics;
using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary>Arithmetic.</summary>
internal static class NumberFunctions
{
    private const int RangeMax = 1024;
    private const int BaseMax = 62;

    public static void AddTo(FunctionTable table)
    {
        var (a, b) = (FunctionTable.Number("a"), FunctionTable.Number("b"));
        var num = FunctionTable.Number("num");
        table.Define("absolute", args => HclValue.Of(args[0].Number.Sign < 0 ? args[0].Number.Negate() : args[0].Number), num);
        table.Define("add", args => HclValue.Of(args[0].Number.Add(args[1].Number)), a, b);
        table.Define("subtract", args => HclValue.Of(args[0].Number.Subtract(args[1].Number)), a, b);
        table.Define("multiply", args => HclValue.Of(args[0].Number.Multiply(args[1].Number)), a, b);
        table.Define("divide", Divide, a, b);
        table.Define("modulo", args => HclValue.Of(args[0].Number.Modulo(args[1].Number)), a, b);
        table.Define("negate", args => HclValue.Of(args[0].Number.Negate()), num);
        table.Define("signum", args => HclValue.Of(FunctionTable.Whole(args[0]) is var n ? Math.Sign(n) : 0), num);
        table.Define("int", args => args[0].Number.IsInteger ? args[0] : HclValue.Of(HclNumber.From(args[0].Number.ToInteger())), num);
        table.Define("ceil", args => Whole(args[0].Number, up: true), num);
        table.Define("floor", args => Whole(args[0].Number, up: false), num);
        table.Define("log", args => Double(Math.Log(args[0].Number.ToDouble()) / Math.Log(args[1].Number.ToDouble())), num, FunctionTable.Number("base"));
        table.Define("pow", args => Double(Math.Pow(args[0].Number.ToDouble(), args[1].Number.ToDouble())), num, FunctionTable.Number("power"));
        table.Define("parseint", ParseInteger, FunctionTable.Any("number"), FunctionTable.Number("base"));
        table.DefineVariadic("min", args => Extreme(args, sign: -1), FunctionTable.Number("numbers"));
        table.DefineVariadic("max", args => Extreme(args, sign: 1), FunctionTable.Number("numbers"));
        table.DefineVariadic("range", Range, FunctionTable.Number("params"));
    }

    private static HclValue Divide(IReadOnlyList<HclValue> args) => args[1].Number.Sign == 0
        ? throw new FunctionException("cannot divide by zero", 1)
        : HclValue.Of(args[0].Number.Divide(args[1].Number));

    private static HclValue Whole(HclNumber number, bool up)
    {
        if (number.IsInteger)
        {
            return HclValue.Of(number);
        }

        var whole = number.ToInteger();
        var step = up && number.Sign > 0 ? 1 : !up && number.Sign < 0 ? -1 : 0;
        return HclValue.Of(HclNumber.From(whole + step));
    }

    private static HclValue Double(double value) => HclNumber.From(value) is { } number ? HclValue.Of(number) : throw new FunctionException("the result is not a number");

    private static HclValue Extreme(IReadOnlyList<HclValue> args, int sign) => args.Count == 0
        ? throw new FunctionException("must pass at least one number")
        : args.Aggregate((best, next) => Math.Sign(next.Number.CompareTo(best.Number)) == sign ? next : best);

    private static HclValue ParseInteger(IReadOnlyList<HclValue> args)
    {
        var text = args[0].Type.Kind == HclKind.String ? args[0].Text : throw new FunctionException($"first argument must be a string, not {args[0].Type}", 0);
        var radix = FunctionTable.Whole(args[1], 1);
        if (radix is < 2 or > BaseMax)
        {
            throw new FunctionException($"base must be a whole number between 2 and {BaseMax} inclusive", 1);
        }

        var digits = text.StartsWith('-') || text.StartsWith('+') ? text[1..] : text;
        var value = BigInteger.Zero;
        foreach (var c in digits)
        {
            var digit = Digit(c, radix);
            value = digit < radix ? (value * radix) + digit : throw Unparsable(text, radix);
        }

        return digits.Length > 0 ? HclValue.Of(HclNumber.From(text.StartsWith('-') ? -value : value)) : throw Unparsable(text, radix);
    }

    /// <summary>Up to base 36 letters count alike; beyond, capitals follow the small ones.</summary>
    private static int Digit(char c, int radix) => c switch
    {
        >= '0' and <= '9' => c - '0',
        >= 'a' and <= 'z' => c - 'a' + 10,
        >= 'A' and <= 'Z' => c - 'A' + (radix <= 36 ? 10 : 36),
        _ => BaseMax,
    };

    private static FunctionException Unparsable(string text, int radix) =>
        new(string.Create(CultureInfo.InvariantCulture, $"cannot parse \"{text}\" as a base {radix} integer"), 0);

    private static HclValue Range(IReadOnlyList<HclValue> args)
    {
        var numbers = args.Select(arg => arg.Number).ToList();
        var (start, end) = numbers.Count switch
        {
            1 => (HclNumber.Zero, numbers[0]),
            2 or 3 => (numbers[0], numbers[1]),
            _ => throw new FunctionException("must have one, two, or three arguments"),
        };
        var step = numbers.Count == 3 ? numbers[2] : HclNumber.From(end.CompareTo(start) < 0 ? -1 : 1);
        var direction = step.Sign;
        if (direction == 0)
        {
            throw new FunctionException("step must not be zero", 2);
        }

        if (end.CompareTo(start) * direction < 0)
        {
            throw new FunctionException($"end must be {(direction < 0 ? "less" : "greater")} than start when step is {(direction < 0 ? "negative" : "positive")}", 1);
        }

        var values = new List<HclValue>();
        for (var number = start; number.CompareTo(end) * direction < 0; number = number.Add(step))
        {
            values.Add(values.Count < RangeMax ? HclValue.Of(number) : throw new FunctionException($"more than {RangeMax} values were generated; use a larger step"));
        }

        return HclValue.List(HclType.Number, values);
    }
}
