using System.Collections.Immutable;

namespace Slipway.Bake.Values;

/// <summary>A value with its type. Immutable.</summary>
internal sealed class HclValue
{
    private readonly object? _raw;

    private HclValue(HclType type, object? raw)
    {
        Type = type;
        _raw = raw;
    }

    /// <summary>The bare word null, which takes on whatever type is wanted.</summary>
    public static HclValue Nothing { get; } = new(HclType.Any, null);

    public static HclValue True { get; } = new(HclType.Bool, true);

    public static HclValue False { get; } = new(HclType.Bool, false);

    public static HclValue EmptyTuple { get; } = Tuple([]);

    public HclType Type { get; }

    public bool IsNull => _raw is null;

    public string Text => (string)_raw!;

    public HclNumber Number => (HclNumber)_raw!;

    public bool Truth => (bool)_raw!;

    /// <summary>The elements of a list, set or tuple, in order.</summary>
    public ImmutableArray<HclValue> Items => (ImmutableArray<HclValue>)_raw!;

    /// <summary>The entries of a map or object, by key in byte order.</summary>
    public ImmutableSortedDictionary<string, HclValue> Entries => (ImmutableSortedDictionary<string, HclValue>)_raw!;

    public int Count => Type.IsMapping ? Entries.Count : Items.Length;

    public static HclValue Of(string text) => new(HclType.String, text);

    public static HclValue Of(HclNumber number) => new(HclType.Number, number);

    public static HclValue Of(long number) => Of(HclNumber.From(number));

    public static HclValue Of(bool truth) => truth ? True : False;

    public static HclValue Null(HclType type) => type.Kind == HclKind.Any ? Nothing : new HclValue(type, null);

    public static HclValue Tuple(IEnumerable<HclValue> items)
    {
        var all = items.ToImmutableArray();
        return new HclValue(HclType.Tuple(all.Select(item => item.Type)), all);
    }

    public static HclValue List(HclType element, IEnumerable<HclValue> items) => new(HclType.List(element), items.ToImmutableArray());

    public static HclValue Strings(IEnumerable<string> items) => List(HclType.String, items.Select(Of));

    public static HclValue Set(HclType element, IEnumerable<HclValue> items)
    {
        var distinct = new List<HclValue>();
        foreach (var item in items)
        {
            if (!distinct.Exists(known => known.SameAs(item)))
            {
                distinct.Add(item);
            }
        }

        return new HclValue(HclType.Set(element), distinct.OrderBy(item => item, SetOrder.Instance).ToImmutableArray());
    }

    public static HclValue Map(HclType element, IEnumerable<KeyValuePair<string, HclValue>> entries) => new(HclType.Map(element), Sorted(entries));

    public static HclValue Object(IEnumerable<KeyValuePair<string, HclValue>> entries)
    {
        var sorted = Sorted(entries);
        return new HclValue(HclType.Object(sorted.Select(entry => KeyValuePair.Create(entry.Key, entry.Value.Type))), sorted);
    }

    /// <summary>An object of exactly this type, whose values have been converted already.</summary>
    public static HclValue Object(HclType type, IEnumerable<KeyValuePair<string, HclValue>> entries) => new(type, Sorted(entries));

    /// <summary>A tuple of exactly this type, whose values have been converted already.</summary>
    public static HclValue Tuple(HclType type, IEnumerable<HclValue> items) => new(type, items.ToImmutableArray());

    /// <summary>The language's equality: nulls are equal, values of different types are not.</summary>
    public bool SameAs(HclValue other)
    {
        if (IsNull || other.IsNull)
        {
            return IsNull && other.IsNull;
        }

        return Type.Equals(other.Type) && Type.Kind switch
        {
            HclKind.String => Text == other.Text,
            HclKind.Number => Number.Equals(other.Number),
            HclKind.Bool => Truth == other.Truth,
            HclKind.Map or HclKind.Object => Entries.Count == other.Entries.Count
                && Entries.All(entry => other.Entries.TryGetValue(entry.Key, out var value) && value.SameAs(entry.Value)),
            _ => Items.Length == other.Items.Length && Items.Zip(other.Items).All(pair => pair.First.SameAs(pair.Second)),
        };
    }

    private static ImmutableSortedDictionary<string, HclValue> Sorted(IEnumerable<KeyValuePair<string, HclValue>> entries)
    {
        var sorted = ImmutableSortedDictionary.CreateBuilder<string, HclValue>(StringComparer.Ordinal);
        foreach (var (key, value) in entries)
        {
            sorted[key] = value;
        }

        return sorted.ToImmutable();
    }

    /// <summary>Sets are walked in an order that depends on nothing but their elements.</summary>
    private sealed class SetOrder : IComparer<HclValue>
    {
        public static SetOrder Instance { get; } = new();

        public int Compare(HclValue? x, HclValue? y) => (x!.IsNull, y!.IsNull, x.Type.Kind) switch
        {
            (true, true, _) => 0,
            (true, false, _) => 1,
            (false, true, _) => -1,
            (_, _, HclKind.String) => string.CompareOrdinal(x.Text, y.Text),
            (_, _, HclKind.Number) => x.Number.CompareTo(y.Number),
            (_, _, HclKind.Bool) => x.Truth.CompareTo(y.Truth),
            _ => string.CompareOrdinal(HclJson.Write(x), HclJson.Write(y)),
        };
    }
}
