using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary><c>[for k, v in source : value if condition]</c> and <c>{for k, v in source : key => value if condition}</c>.</summary>
internal sealed class ForExpression(SourceRange range) : Expression(range)
{
    public string? KeyName { get; init; }

    public required string ValueName { get; init; }

    public required Expression Source { get; init; }

    /// <summary>Null in a sequence.</summary>
    public Expression? Key { get; init; }

    public required Expression Value { get; init; }

    public Expression? Condition { get; init; }

    /// <summary>Values of one key become a sequence instead of a fault.</summary>
    public bool Groups { get; init; }

    public override HclValue Evaluate(Scope scope) => Key is null
        ? HclValue.Tuple(Rounds(scope).Select(Value.Evaluate).ToList())
        : Groups ? Grouped(scope) : Keyed(scope);

    /// <summary>A scope for every element of a collection.</summary>
    public static IEnumerable<Scope> Rounds(HclValue collection, string? keyName, string valueName, Scope scope, SourceRange range)
    {
        if (collection.IsNull)
        {
            throw new HclException("Iteration over null value", "A for expression cannot go through null.", range);
        }

        if (!collection.Type.IsSequence && !collection.Type.IsMapping)
        {
            throw new HclException("Iteration over non-iterable value", $"A value of type {collection.Type} cannot be used as the collection in a 'for' expression.", range);
        }

        var elements = collection.Type.IsMapping
            ? collection.Entries.Select(entry => (Key: HclValue.Of(entry.Key), entry.Value))
            : collection.Items.Select((item, i) => (Key: collection.Type.Kind == HclKind.Set ? item : HclValue.Of(i), Value: item));
        foreach (var (key, value) in elements)
        {
            var round = new Scope(scope) { [valueName] = value };
            if (keyName is not null)
            {
                round[keyName] = key;
            }

            yield return round;
        }
    }

    private IEnumerable<Scope> Rounds(Scope scope) => Rounds(Source.Evaluate(scope), KeyName, ValueName, scope, Source.Range).Where(Included);

    private bool Included(Scope round)
    {
        if (Condition is null)
        {
            return true;
        }

        var value = Condition.Evaluate(round);
        try
        {
            return value.IsNull ? throw Error("Condition is null", "The 'if' clause must be true or false.", Condition.Range) : Conversion.To(value, HclType.Bool).Truth;
        }
        catch (ConversionException problem)
        {
            throw Error("Invalid 'for' condition", $"The 'if' clause does not fit: {problem.Message}.", Condition.Range);
        }
    }

    private HclValue Keyed(Scope scope)
    {
        var entries = new Dictionary<string, HclValue>(StringComparer.Ordinal);
        foreach (var round in Rounds(scope))
        {
            var key = KeyOf(round);
            if (!entries.TryAdd(key, Value.Evaluate(round)))
            {
                throw Error("Duplicate object key", $"Two elements have the key \"{key}\"; end the value with ... to group the values of one key.", Key!.Range);
            }
        }

        return HclValue.Object(entries);
    }

    private HclValue Grouped(Scope scope)
    {
        var groups = new Dictionary<string, List<HclValue>>(StringComparer.Ordinal);
        foreach (var round in Rounds(scope))
        {
            var key = KeyOf(round);
            if (!groups.TryGetValue(key, out var group))
            {
                groups[key] = group = [];
            }

            group.Add(Value.Evaluate(round));
        }

        return HclValue.Object(groups.Select(group => KeyValuePair.Create(group.Key, HclValue.Tuple(group.Value))));
    }

    private string KeyOf(Scope round)
    {
        var key = Key!.Evaluate(round);
        try
        {
            return key.IsNull ? throw Error("Invalid object key", "The key is null.", Key.Range) : Conversion.To(key, HclType.String).Text;
        }
        catch (ConversionException problem)
        {
            throw Error("Invalid object key", $"The key does not fit: {problem.Message}.", Key.Range);
        }
    }
}
