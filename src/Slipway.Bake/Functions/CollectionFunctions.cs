using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary>Sequences.</summary>
internal static class CollectionFunctions
{
    public static void AddTo(FunctionTable table)
    {
        var list = FunctionTable.Any("list");
        var strings = FunctionTable.List("list", HclType.String);
        var anyList = FunctionTable.List("list", HclType.Any);
        table.Define("chunklist", Chunks, anyList, FunctionTable.Number("size"));
        table.DefineVariadic("coalescelist", CoalesceList, FunctionTable.Nullable("vals"));
        table.Define("compact", args => HclValue.List(HclType.String, args[0].Items.Where(item => !item.IsNull && item.Text.Length > 0)), strings);
        table.DefineVariadic("concat", Concat, FunctionTable.Any("seqs"));
        table.Define("contains", args => HclValue.Of(Sequence(args[0], "argument must be list, tuple, or set").Any(item => item.SameAs(args[1]))), list, FunctionTable.Any("value"));
        table.Define("distinct", args => HclValue.List(args[0].Type.Element, Distinct(args[0].Items)), anyList);
        table.Define("element", Element, list, FunctionTable.Number("index"));
        table.Define("flatten", args => HclValue.Tuple(Flatten(Sequence(args[0], "can only flatten lists, sets and tuples"))), list);
        table.Define("hasindex", args => HclValue.Of(HasIndex(args[0], args[1])), FunctionTable.Any("collection"), FunctionTable.Any("key"));
        table.Define("index", Index, FunctionTable.Any("collection"), FunctionTable.Any("key"));
        table.Define("indexof", IndexOf, list, FunctionTable.Any("value"));
        table.Define("length", Length, FunctionTable.Any("collection"));
        table.Define("reverselist", args => Reversed(args[0]), list);
        table.Define("slice", Slice, list, FunctionTable.Number("start_index"), FunctionTable.Number("end_index"));
        table.Define("sort", Sort, strings);
    }

    private static IEnumerable<HclValue> Sequence(HclValue value, string otherwise) => value.Type.IsSequence ? value.Items : throw new FunctionException(otherwise, 0);

    /// <summary>The same kind of sequence with other elements.</summary>
    private static HclValue Like(HclValue model, IEnumerable<HclValue> items) => model.Type.Kind == HclKind.Tuple ? HclValue.Tuple(items) : HclValue.List(model.Type.Element, items);

    private static HclValue Chunks(IReadOnlyList<HclValue> args)
    {
        var size = FunctionTable.Whole(args[1], 1);
        if (size < 0)
        {
            throw new FunctionException("the size argument must be positive", 1);
        }

        var chunks = args[0].Items.Length == 0 ? []
            : size == 0 ? [args[0]]
            : args[0].Items.Chunk(size).Select(chunk => HclValue.List(args[0].Type.Element, chunk));
        return HclValue.List(args[0].Type, chunks);
    }

    private static HclValue CoalesceList(IReadOnlyList<HclValue> args)
    {
        if (args.Count == 0)
        {
            throw new FunctionException("at least one argument is required");
        }

        if (args.Any(arg => arg.Type.Kind is not (HclKind.List or HclKind.Tuple)))
        {
            throw new FunctionException("coalescelist arguments must be lists or tuples");
        }

        return args.FirstOrDefault(arg => !arg.IsNull && arg.Items.Length > 0) ?? throw new FunctionException("no non-null arguments");
    }

    private static HclValue Concat(IReadOnlyList<HclValue> args)
    {
        if (args.Count == 0)
        {
            throw new FunctionException("at least one argument is required");
        }

        for (var i = 0; i < args.Count; i++)
        {
            if (args[i].Type.Kind is not (HclKind.List or HclKind.Tuple))
            {
                throw new FunctionException($"all arguments must be lists or tuples; got {args[i].Type}", i);
            }
        }

        if (args.All(arg => arg.Type.Kind == HclKind.List) && Unification.Find([.. args.Select(arg => arg.Type)], safe: false) is { } type)
        {
            return HclValue.List(type.Element, args.SelectMany(arg => Conversion.To(arg, type).Items));
        }

        return HclValue.Tuple(args.SelectMany(arg => arg.Items));
    }

    private static List<HclValue> Distinct(IEnumerable<HclValue> items)
    {
        var distinct = new List<HclValue>();
        foreach (var item in items.Where(item => !distinct.Exists(known => known.SameAs(item))))
        {
            distinct.Add(item);
        }

        return distinct;
    }

    private static HclValue Element(IReadOnlyList<HclValue> args)
    {
        if (args[0].Type.Kind is not (HclKind.List or HclKind.Tuple))
        {
            throw new FunctionException($"cannot read elements from {args[0].Type}");
        }

        var count = args[0].Items.Length;
        var index = FunctionTable.Whole(args[1], 1);
        return index < 0 ? throw new FunctionException("cannot use element function with a negative index")
            : count == 0 ? throw new FunctionException("cannot use element function with an empty list")
            : args[0].Items[index % count];
    }

    private static IEnumerable<HclValue> Flatten(IEnumerable<HclValue> items) =>
        items.SelectMany(item => !item.IsNull && item.Type.IsSequence ? Flatten(item.Items) : [item]);

    private static bool HasIndex(HclValue collection, HclValue key) => collection.Type.Kind switch
    {
        HclKind.List or HclKind.Tuple => key.Type.Kind == HclKind.Number && key.Number.ToInt64() is { } index && index >= 0 && index < collection.Items.Length,
        HclKind.Map => key.Type.Kind == HclKind.String && collection.Entries.ContainsKey(key.Text),
        _ => throw new FunctionException("collection must be a list, a map or a tuple"),
    };

    private static HclValue Index(IReadOnlyList<HclValue> args)
    {
        var (collection, key) = (args[0], args[1]);
        var wanted = collection.Type.Kind == HclKind.Map ? HclKind.String : HclKind.Number;
        if (collection.Type.Kind is HclKind.List or HclKind.Tuple or HclKind.Map && key.Type.Kind != wanted)
        {
            throw new FunctionException($"key for {collection.Type.Kind.ToString().ToLowerInvariant()} must be {wanted.ToString().ToLowerInvariant()}");
        }

        return !HasIndex(collection, key) ? throw new FunctionException("invalid index")
            : wanted == HclKind.String ? collection.Entries[key.Text] : collection.Items[(int)key.Number.ToInt64()!.Value];
    }

    private static HclValue IndexOf(IReadOnlyList<HclValue> args)
    {
        if (args[0].Type.Kind is not (HclKind.List or HclKind.Tuple))
        {
            throw new FunctionException("argument must be a list or tuple");
        }

        if (args[0].Items.Length == 0)
        {
            throw new FunctionException("cannot search an empty list");
        }

        for (var i = 0; i < args[0].Items.Length; i++)
        {
            if (args[0].Items[i].SameAs(args[1]))
            {
                return HclValue.Of(i);
            }
        }

        throw new FunctionException("item not found");
    }

    private static HclValue Length(IReadOnlyList<HclValue> args) => args[0].Type.IsSequence || args[0].Type.Kind == HclKind.Map
        ? HclValue.Of(args[0].Count)
        : throw new FunctionException("collection must be a list, a map or a tuple");

    private static HclValue Reversed(HclValue list) => list.Type.IsSequence
        ? Like(list, list.Items.Reverse())
        : throw new FunctionException($"can only reverse list or tuple values, not {list.Type}", 0);

    private static HclValue Slice(IReadOnlyList<HclValue> args)
    {
        if (args[0].Type.Kind is not (HclKind.List or HclKind.Tuple))
        {
            throw new FunctionException(args[0].Type.Kind == HclKind.Set ? "cannot slice a set, because its elements do not have indices; convert it to a list first" : "must be a list or tuple value", 0);
        }

        var length = args[0].Items.Length;
        var (start, end) = (Bound(args[1], length, "start", 1), Bound(args[2], length, "end", 2));
        return start > end ? throw new FunctionException("start index must not be greater than end index", 1) : Like(args[0], args[0].Items.Skip(start).Take(end - start));
    }

    private static int Bound(HclValue value, int length, string name, int argument)
    {
        var index = FunctionTable.Whole(value, argument);
        return index < 0 ? throw new FunctionException($"{name} index must not be less than zero", argument)
            : index > length ? throw new FunctionException($"{name} index must not be greater than the length of the list", argument)
            : index;
    }

    private static HclValue Sort(IReadOnlyList<HclValue> args)
    {
        var nulls = args[0].Items.TakeWhile(item => !item.IsNull).Count();
        return nulls < args[0].Items.Length
            ? throw new FunctionException($"given list element {nulls} is null; a null string cannot be sorted")
            : HclValue.Strings(args[0].Items.Select(item => item.Text).Order(StringComparer.Ordinal));
    }
}
