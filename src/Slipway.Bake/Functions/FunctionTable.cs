using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary>Functions by name, and the short words to write them down with.</summary>
internal sealed class FunctionTable : Dictionary<string, HclFunction>
{
    public FunctionTable()
        : base(StringComparer.Ordinal)
    {
    }

    public static Parameter Any(string name) => new(name, HclType.Any);

    public static Parameter Nullable(string name) => new(name, HclType.Any, TakesNull: true);

    public static Parameter Text(string name) => new(name, HclType.String);

    public static Parameter Number(string name) => new(name, HclType.Number);

    public static Parameter Bool(string name) => new(name, HclType.Bool);

    public static Parameter List(string name, HclType element) => new(name, HclType.List(element));

    public static Parameter Set(string name) => new(name, HclType.Set(HclType.Any));

    public void Define(string name, Func<IReadOnlyList<HclValue>, HclValue> body, params IReadOnlyList<Parameter> parameters) =>
        Add(name, new LibraryFunction(body, parameters));

    public void DefineVariadic(string name, Func<IReadOnlyList<HclValue>, HclValue> body, Parameter rest, params IReadOnlyList<Parameter> parameters) =>
        Add(name, new LibraryFunction(body, parameters, rest));

    /// <summary>A whole number that fits an int.</summary>
    public static int Whole(HclValue value, int? argument = null) => value.Number.ToInt64() is { } whole && whole is >= int.MinValue and <= int.MaxValue
        ? (int)whole
        : throw new FunctionException("a whole number is required", argument);
}
