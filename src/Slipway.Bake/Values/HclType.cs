using System.Collections.Immutable;

namespace Slipway.Bake.Values;

/// <summary>A type: a primitive, a collection of one element type, or a structure of several.</summary>
internal sealed class HclType : IEquatable<HclType>
{
    private HclType(HclKind kind) => Kind = kind;

    public static HclType Any { get; } = new(HclKind.Any);

    public static HclType String { get; } = new(HclKind.String);

    public static HclType Number { get; } = new(HclKind.Number);

    public static HclType Bool { get; } = new(HclKind.Bool);

    public HclKind Kind { get; }

    /// <summary>Of a list, set or map.</summary>
    public HclType Element { get; private init; } = null!;

    /// <summary>Of a tuple, in order.</summary>
    public ImmutableArray<HclType> Elements { get; private init; } = [];

    /// <summary>Of an object, by name.</summary>
    public ImmutableSortedDictionary<string, HclType> Attributes { get; private init; } = ImmutableSortedDictionary.Create<string, HclType>(StringComparer.Ordinal);

    /// <summary>Attributes of an object type that a value may leave out.</summary>
    public ImmutableHashSet<string> Optional { get; private init; } = [];

    public bool IsPrimitive => Kind is HclKind.String or HclKind.Number or HclKind.Bool;

    public bool IsSequence => Kind is HclKind.List or HclKind.Set or HclKind.Tuple;

    public bool IsMapping => Kind is HclKind.Map or HclKind.Object;

    public static HclType List(HclType element) => new(HclKind.List) { Element = element };

    public static HclType Set(HclType element) => new(HclKind.Set) { Element = element };

    public static HclType Map(HclType element) => new(HclKind.Map) { Element = element };

    public static HclType Tuple(IEnumerable<HclType> elements) => new(HclKind.Tuple) { Elements = [.. elements] };

    public static HclType Object(IEnumerable<KeyValuePair<string, HclType>> attributes, IEnumerable<string>? optional = null) => new(HclKind.Object)
    {
        Attributes = ImmutableSortedDictionary.CreateRange(StringComparer.Ordinal, attributes),
        Optional = optional is null ? [] : [.. optional],
    };

    public bool Equals(HclType? other) => other is not null && Kind == other.Kind && Kind switch
    {
        HclKind.List or HclKind.Set or HclKind.Map => Element.Equals(other.Element),
        HclKind.Tuple => Elements.SequenceEqual(other.Elements),
        HclKind.Object => Attributes.Count == other.Attributes.Count && Optional.SetEquals(other.Optional)
            && Attributes.All(entry => other.Attributes.TryGetValue(entry.Key, out var type) && type.Equals(entry.Value)),
        _ => true,
    };

    public override bool Equals(object? obj) => Equals(obj as HclType);

    public override int GetHashCode() => Kind switch
    {
        HclKind.List or HclKind.Set or HclKind.Map => HashCode.Combine(Kind, Element),
        HclKind.Tuple => HashCode.Combine(Kind, Elements.Length),
        HclKind.Object => HashCode.Combine(Kind, Attributes.Count),
        _ => (int)Kind,
    };

    /// <summary>The name that error messages and <c>--list=variables</c> use.</summary>
    public override string ToString() => Kind switch
    {
        HclKind.Any => "any type",
        HclKind.String => "string",
        HclKind.Number => "number",
        HclKind.Bool => "bool",
        HclKind.List => $"list of {OfElement}",
        HclKind.Set => $"set of {OfElement}",
        HclKind.Map => $"map of {OfElement}",
        HclKind.Tuple => "tuple",
        _ => "object",
    };

    private string OfElement => Element.Kind == HclKind.Any ? "any single type" : Element.ToString();
}
