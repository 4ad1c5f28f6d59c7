using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary>Sets.</summary>
internal static class SetFunctions
{
    public static void AddTo(FunctionTable table)
    {
        var first = FunctionTable.Set("first_set");
        var rest = FunctionTable.Set("other_sets");
        var (a, b) = (FunctionTable.Set("a"), FunctionTable.Set("b"));
        table.Define("sethaselement", args => HclValue.Of(args[0].Items.Any(item => item.SameAs(args[1]))), FunctionTable.Set("set"), FunctionTable.Any("elem"));
        table.DefineVariadic("setunion", args => Folded(args, (x, y) => x.Concat(y)), rest, first);
        table.DefineVariadic("setintersection", args => Folded(args, (x, y) => x.Where(item => Has(y, item))), rest, first);
        table.Define("setsubtract", args => Folded(args, (x, y) => x.Where(item => !Has(y, item))), a, b);
        table.DefineVariadic("setsymmetricdifference", args => Folded(args, (x, y) => x.Where(item => !Has(y, item)).Concat(y.Where(item => !Has(x, item)))), rest, first);
        table.DefineVariadic("setproduct", Product, FunctionTable.Any("sets"));
    }

    private static bool Has(IEnumerable<HclValue> items, HclValue wanted) => items.Any(item => item.SameAs(wanted));

    private static HclValue Folded(IReadOnlyList<HclValue> args, Func<IReadOnlyList<HclValue>, IReadOnlyList<HclValue>, IEnumerable<HclValue>> combine)
    {
        // An empty set has elements of no type of its own.
        var types = args.Where(arg => arg.Items.Length > 0).Select(arg => arg.Type.Element).ToList();
        var element = types.Count == 0 ? args[0].Type.Element : Unification.Find(types, safe: false) ?? throw new FunctionException("given sets must all have compatible element types");
        var sets = args.Select(arg => Conversion.To(arg, HclType.Set(element)).Items.ToList());
        return HclValue.Set(element, sets.Aggregate((x, y) => [.. combine(x, y)]));
    }

    private static HclValue Product(IReadOnlyList<HclValue> args)
    {
        if (args.Count < 2)
        {
            throw new FunctionException("at least two arguments are required");
        }

        var elements = args.Select(ElementType).ToList();
        IEnumerable<IEnumerable<HclValue>> rows = [[]];
        for (var i = 0; i < args.Count; i++)
        {
            var (items, type) = (args[i].Items, elements[i]);
            rows = rows.SelectMany(row => items.Select(item => row.Append(Conversion.To(item, type))));
        }

        var tuple = HclType.Tuple(elements);
        var tuples = rows.Select(row => HclValue.Tuple(row)).ToList();
        return args.All(arg => arg.Type.Kind != HclKind.Set) ? HclValue.List(tuple, tuples) : HclValue.Set(tuple, tuples);
    }

    private static HclType ElementType(HclValue arg, int place) => arg.Type.Kind switch
    {
        HclKind.Set or HclKind.List => arg.Type.Element,
        HclKind.Tuple => arg.Items.Length == 0 ? HclType.Any
            : Unification.Find(arg.Type.Elements, safe: false) ?? throw new FunctionException("all elements must be of the same type", place),
        _ => throw new FunctionException("a set or a list is required", place),
    };
}
