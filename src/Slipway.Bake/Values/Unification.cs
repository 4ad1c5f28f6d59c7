namespace Slipway.Bake.Values;

/// <summary>Finds the one type that values of several types can all be converted to.</summary>
internal static class Unification
{
    /// <returns>Null where there is no such type.</returns>
    public static HclType? Find(IReadOnlyList<HclType> types, bool safe)
    {
        if (types.Count == 0)
        {
            return null;
        }

        if (types.All(type => type.Equals(types[0])))
        {
            return types[0];
        }

        var known = types.Where(type => type.Kind != HclKind.Any).ToList();
        if (known.Count < types.Count)
        {
            // A bare null fits wherever the others do.
            return Find(known, safe) is { } common ? common : HclType.Any;
        }

        return Structures(types, safe) ?? (types.Any(type => type.Kind == HclKind.Object) && types.Any(type => type.Kind == HclKind.Tuple) ? null : Preferred(types, safe));
    }

    private static HclType? Structures(IReadOnlyList<HclType> types, bool safe)
    {
        bool All(params ReadOnlySpan<HclKind> kinds)
        {
            foreach (var type in types)
            {
                if (!kinds.Contains(type.Kind))
                {
                    return false;
                }
            }

            return true;
        }

        return All(HclKind.Map) ? Collection(types, HclType.Map, safe)
            : All(HclKind.List) ? Collection(types, HclType.List, safe)
            : All(HclKind.Set) ? Collection(types, HclType.Set, safe)
            : All(HclKind.Object) ? Objects(types, safe)
            : All(HclKind.Tuple) ? Tuples(types, safe)
            : All(HclKind.Map, HclKind.Object) ? AsCollection(types.SelectMany(Attributes), HclType.Map, safe)
            : All(HclKind.List, HclKind.Tuple) ? AsCollection(types.SelectMany(Elements), HclType.List, safe)
            : null;
    }

    private static HclType? Collection(IReadOnlyList<HclType> types, Func<HclType, HclType> of, bool safe) =>
        Find([.. types.Select(type => type.Element)], safe) is { } element ? of(element) : null;

    private static HclType? AsCollection(IEnumerable<HclType> elements, Func<HclType, HclType> of, bool safe) =>
        Find([.. elements], safe) is { } element ? of(element) : null;

    private static IEnumerable<HclType> Attributes(HclType type) => type.Kind == HclKind.Map ? [type.Element] : type.Attributes.Values;

    private static IEnumerable<HclType> Elements(HclType type) => type.Kind == HclKind.List ? [type.Element] : type.Elements;

    private static HclType? Objects(IReadOnlyList<HclType> types, bool safe)
    {
        var names = types[0].Attributes.Keys.ToList();
        if (types.Any(type => type.Attributes.Count != names.Count || !names.All(type.Attributes.ContainsKey)))
        {
            return AsCollection(types.SelectMany(Attributes), HclType.Map, safe);
        }

        var attributes = new List<KeyValuePair<string, HclType>>();
        foreach (var name in names)
        {
            if (Find([.. types.Select(type => type.Attributes[name])], safe) is not { } attribute)
            {
                return null;
            }

            attributes.Add(KeyValuePair.Create(name, attribute));
        }

        return HclType.Object(attributes);
    }

    private static HclType? Tuples(IReadOnlyList<HclType> types, bool safe)
    {
        var length = types[0].Elements.Length;
        if (types.Any(type => type.Elements.Length != length))
        {
            return AsCollection(types.SelectMany(Elements), HclType.List, safe);
        }

        var elements = new List<HclType>();
        for (var i = 0; i < length; i++)
        {
            if (Find([.. types.Select(type => type.Elements[i])], safe) is not { } element)
            {
                return null;
            }

            elements.Add(element);
        }

        return HclType.Tuple(elements);
    }

    /// <summary>One of the types themselves; among primitives the string, which takes all of them.</summary>
    private static HclType? Preferred(IReadOnlyList<HclType> types, bool safe) =>
        types.OrderBy(type => type.Kind == HclKind.String ? 0 : 1)
            .FirstOrDefault(wanted => types.All(type => Conversion.Possible(type, wanted, safe)));
}
