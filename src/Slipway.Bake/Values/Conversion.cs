namespace Slipway.Bake.Values;

/// <summary>The conversions that the language makes by itself where a type is wanted.</summary>
internal static class Conversion
{
    /// <exception cref="ConversionException">There is no such conversion, or this value has none.</exception>
    public static HclValue To(HclValue value, HclType type)
    {
        if (type.Kind == HclKind.Any || (value.Type.Equals(type) && type.Kind != HclKind.Object))
        {
            return value;
        }

        if (value.IsNull)
        {
            return Possible(value.Type, type) ? HclValue.Null(WithoutOptional(type)) : throw Mismatch(value.Type, type);
        }

        return type.Kind switch
        {
            HclKind.String or HclKind.Number or HclKind.Bool => ToPrimitive(value, type),
            HclKind.List or HclKind.Set => ToCollection(value, type),
            HclKind.Map => ToMap(value, type),
            HclKind.Tuple => ToTuple(value, type),
            _ => ToObject(value, type),
        };
    }

    /// <summary>Whether values of a type may be convertible; a string may or may not read as a number.</summary>
    public static bool Possible(HclType from, HclType to, bool safe = false)
    {
        if (to.Kind == HclKind.Any || from.Kind == HclKind.Any || from.Equals(to))
        {
            return true;
        }

        return to.Kind switch
        {
            HclKind.String => from.IsPrimitive,
            HclKind.Number or HclKind.Bool => !safe && from.Kind == HclKind.String,
            HclKind.List or HclKind.Set => from.Kind == HclKind.Tuple
                ? from.Elements.All(element => Possible(element, to.Element, safe))
                : from.Kind is HclKind.List or HclKind.Set && !(safe && from.Kind == HclKind.List && to.Kind == HclKind.Set) && Possible(from.Element, to.Element, safe),
            HclKind.Map => from.Kind == HclKind.Map ? Possible(from.Element, to.Element, safe)
                : from.Kind == HclKind.Object && from.Attributes.Values.All(attribute => Possible(attribute, to.Element, safe)),
            HclKind.Tuple => from.Kind == HclKind.Tuple && from.Elements.Length == to.Elements.Length
                && from.Elements.Zip(to.Elements).All(pair => Possible(pair.First, pair.Second, safe)),
            HclKind.Object => ObjectPossible(from, to, safe),
            _ => false,
        };
    }

    public static ConversionException Mismatch(HclType from, HclType to)
    {
        if (to.Kind == HclKind.Object && from.Kind == HclKind.Object)
        {
            var missing = to.Attributes.Keys.Where(name => !from.Attributes.ContainsKey(name) && !to.Optional.Contains(name)).ToList();
            if (missing.Count > 0)
            {
                return new ConversionException(missing.Count == 1
                    ? $"attribute \"{missing[0]}\" is required"
                    : $"attributes {string.Join(", ", missing.Select(name => $"\"{name}\""))} are required");
            }
        }

        return new ConversionException(to.IsPrimitive ? $"{to} required" : $"{to} required");
    }

    private static bool ObjectPossible(HclType from, HclType to, bool safe) => from.Kind switch
    {
        HclKind.Object => to.Attributes.All(entry => from.Attributes.TryGetValue(entry.Key, out var type) ? Possible(type, entry.Value, safe) : to.Optional.Contains(entry.Key)),
        HclKind.Map => !safe && to.Attributes.Values.All(attribute => Possible(from.Element, attribute, safe)),
        _ => false,
    };

    private static HclValue ToPrimitive(HclValue value, HclType type) => (value.Type.Kind, type.Kind) switch
    {
        (HclKind.Number, HclKind.String) => HclValue.Of(value.Number.ToString()),
        (HclKind.Bool, HclKind.String) => HclValue.Of(value.Truth ? "true" : "false"),
        (HclKind.String, HclKind.Number) => HclNumber.Parse(value.Text) is { } number ? HclValue.Of(number) : throw new ConversionException("a number is required"),
        (HclKind.String, HclKind.Bool) => ToBool(value.Text),
        _ => throw Mismatch(value.Type, type),
    };

    private static HclValue ToBool(string text) => text switch
    {
        "true" or "1" => HclValue.True,
        "false" or "0" => HclValue.False,
        "True" or "TRUE" => throw new ConversionException("a bool is required; to convert from string, use lowercase \"true\""),
        "False" or "FALSE" => throw new ConversionException("a bool is required; to convert from string, use lowercase \"false\""),
        _ => throw new ConversionException("a bool is required"),
    };

    private static HclValue ToCollection(HclValue value, HclType type)
    {
        if (!value.Type.IsSequence)
        {
            throw Mismatch(value.Type, type);
        }

        var element = ElementType(type.Element, value.Items, type);
        var items = value.Items.Select(item => To(item, element)).ToList();
        return type.Kind == HclKind.List ? HclValue.List(element, items) : HclValue.Set(element, items);
    }

    private static HclValue ToMap(HclValue value, HclType type)
    {
        if (!value.Type.IsMapping)
        {
            throw Mismatch(value.Type, type);
        }

        var element = ElementType(type.Element, value.Entries.Values, type);
        return HclValue.Map(element, value.Entries.Select(entry => KeyValuePair.Create(entry.Key, To(entry.Value, element))));
    }

    /// <summary>A list of any single type takes on the type that all its elements have in common.</summary>
    private static HclType ElementType(HclType wanted, IEnumerable<HclValue> items, HclType type)
    {
        if (wanted.Kind != HclKind.Any)
        {
            return wanted;
        }

        var types = items.Select(item => item.Type).ToList();
        return types.Count == 0 ? HclType.Any
            : Unification.Find(types, safe: false) ?? throw new ConversionException(type.Kind == HclKind.Map ? "all map elements must have the same type" : $"all {(type.Kind == HclKind.Set ? "set" : "list")} elements must have the same type");
    }

    private static HclValue ToTuple(HclValue value, HclType type)
    {
        if (value.Type.Kind != HclKind.Tuple || value.Items.Length != type.Elements.Length)
        {
            throw Mismatch(value.Type, type);
        }

        var items = value.Items.Zip(type.Elements, To).ToList();
        return HclValue.Tuple(HclType.Tuple(items.Select((item, i) => type.Elements[i].Kind == HclKind.Any ? item.Type : WithoutOptional(type.Elements[i]))), items);
    }

    private static HclValue ToObject(HclValue value, HclType type)
    {
        if (!value.Type.IsMapping)
        {
            throw Mismatch(value.Type, type);
        }

        if (value.Type.Equals(type) && type.Optional.Count == 0)
        {
            return value;
        }

        var entries = new Dictionary<string, HclValue>(StringComparer.Ordinal);
        foreach (var (name, wanted) in type.Attributes)
        {
            entries[name] = value.Entries.TryGetValue(name, out var given) ? To(given, wanted)
                : type.Optional.Contains(name) ? HclValue.Null(WithoutOptional(wanted))
                : value.Type.Kind == HclKind.Map ? throw new ConversionException($"map has no element for required attribute \"{name}\"")
                : throw Mismatch(value.Type, type);
        }

        return HclValue.Object(HclType.Object(type.Attributes.Select(entry =>
            KeyValuePair.Create(entry.Key, entry.Value.Kind == HclKind.Any ? entries[entry.Key].Type : WithoutOptional(entry.Value)))), entries);
    }

    /// <summary>A constraint may leave attributes out; a value's own type never does.</summary>
    private static HclType WithoutOptional(HclType type) => type.Kind switch
    {
        HclKind.List => HclType.List(WithoutOptional(type.Element)),
        HclKind.Set => HclType.Set(WithoutOptional(type.Element)),
        HclKind.Map => HclType.Map(WithoutOptional(type.Element)),
        HclKind.Tuple => HclType.Tuple(type.Elements.Select(WithoutOptional)),
        HclKind.Object => HclType.Object(type.Attributes.Select(entry => KeyValuePair.Create(entry.Key, WithoutOptional(entry.Value)))),
        _ => type,
    };
}
