using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary>Maps and objects.</summary>
internal static class MappingFunctions
{
    public static void AddTo(FunctionTable table)
    {
        table.Define("keys", Keys, FunctionTable.Any("inputMap"));
        table.Define("values", Values, FunctionTable.Any("mapping"));
        table.Define("lookup", Lookup, FunctionTable.Any("inputMap"), FunctionTable.Text("key"), FunctionTable.Any("default"));
        table.DefineVariadic("merge", Merge, FunctionTable.Nullable("maps"));
        table.Define("zipmap", Zip, FunctionTable.List("keys", HclType.String), FunctionTable.Any("values"));
    }

    private static HclValue Keys(IReadOnlyList<HclValue> args) => args[0].Type.Kind switch
    {
        HclKind.Map => HclValue.Strings(args[0].Entries.Keys),
        HclKind.Object => HclValue.Tuple(args[0].Entries.Keys.Select(HclValue.Of)),
        _ => throw new FunctionException("must have map or object type", 0),
    };

    private static HclValue Values(IReadOnlyList<HclValue> args) => args[0].Type.Kind switch
    {
        HclKind.Map => HclValue.List(args[0].Type.Element, args[0].Entries.Values),
        HclKind.Object => HclValue.Tuple(args[0].Entries.Values),
        _ => throw new FunctionException("values() requires a map as the first argument"),
    };

    private static HclValue Lookup(IReadOnlyList<HclValue> args)
    {
        if (!args[0].Type.IsMapping)
        {
            throw new FunctionException("lookup() requires a map as the first argument", 0);
        }

        var fallback = args[2];
        if (args[0].Type.Kind == HclKind.Map)
        {
            try
            {
                fallback = Conversion.To(fallback, args[0].Type.Element);
            }
            catch (ConversionException)
            {
                throw new FunctionException("the default value must have the same type as the map elements", 2);
            }
        }

        return args[0].Entries.TryGetValue(args[1].Text, out var found) ? found : fallback;
    }

    private static HclValue Merge(IReadOnlyList<HclValue> args)
    {
        var merged = new Dictionary<string, HclValue>(StringComparer.Ordinal);
        foreach (var arg in args)
        {
            if (!arg.Type.IsMapping && arg.Type.Kind != HclKind.Any)
            {
                throw new FunctionException($"arguments must be maps or objects, got \"{arg.Type}\"");
            }

            foreach (var (key, value) in arg.IsNull ? [] : arg.Entries.AsEnumerable())
            {
                merged[key] = value;
            }
        }

        return args.Count > 0 && args[0].Type.Kind == HclKind.Map && args.All(arg => arg.Type.Equals(args[0].Type))
            ? HclValue.Map(args[0].Type.Element, merged)
            : HclValue.Object(merged);
    }

    private static HclValue Zip(IReadOnlyList<HclValue> args)
    {
        var (keys, values) = (args[0], args[1]);
        if (values.Type.Kind is not (HclKind.List or HclKind.Tuple))
        {
            throw new FunctionException("values argument must be a list or tuple value");
        }

        if (keys.Count != values.Count)
        {
            throw new FunctionException($"number of keys ({keys.Count}) does not match number of values ({values.Count})");
        }

        var entries = keys.Items.Zip(values.Items, (key, value) => KeyValuePair.Create(key.IsNull ? throw new FunctionException("keys list has null value") : key.Text, value)).ToList();
        return values.Type.Kind == HclKind.List ? HclValue.Map(values.Type.Element, entries) : HclValue.Object(entries);
    }
}
