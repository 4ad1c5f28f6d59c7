using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary>Comparisons and truth.</summary>
internal static class LogicFunctions
{
    public static void AddTo(FunctionTable table)
    {
        var (a, b) = (FunctionTable.Bool("a"), FunctionTable.Bool("b"));
        table.Define("and", args => HclValue.Of(args[0].Truth && args[1].Truth), a, b);
        table.Define("or", args => HclValue.Of(args[0].Truth || args[1].Truth), a, b);
        table.Define("not", args => HclValue.Of(!args[0].Truth), FunctionTable.Bool("val"));
        table.Define("equal", args => HclValue.Of(args[0].SameAs(args[1])), FunctionTable.Nullable("a"), FunctionTable.Nullable("b"));
        table.Define("notequal", args => HclValue.Of(!args[0].SameAs(args[1])), FunctionTable.Nullable("a"), FunctionTable.Nullable("b"));
        Compare(table, "greaterthan", order => order > 0);
        Compare(table, "greaterthanorequalto", order => order >= 0);
        Compare(table, "lessthan", order => order < 0);
        Compare(table, "lessthanorequalto", order => order <= 0);
        table.DefineVariadic("coalesce", Coalesce, FunctionTable.Nullable("vals"));
    }

    private static void Compare(FunctionTable table, string name, Func<int, bool> holds) =>
        table.Define(name, args => HclValue.Of(holds(args[0].Number.CompareTo(args[1].Number))), FunctionTable.Number("a"), FunctionTable.Number("b"));

    private static HclValue Coalesce(IReadOnlyList<HclValue> args)
    {
        if (args.Count == 0)
        {
            throw new FunctionException("must provide at least one argument");
        }

        var type = Unification.Find([.. args.Select(arg => arg.Type)], safe: false) ?? throw new FunctionException("all arguments must have the same type");
        var first = args.FirstOrDefault(arg => !arg.IsNull) ?? throw new FunctionException("no non-null arguments");
        return Conversion.To(first, type);
    }
}
