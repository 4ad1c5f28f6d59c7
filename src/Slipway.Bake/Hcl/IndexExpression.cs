using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary><c>source[key]</c>.</summary>
/// <param name="step">The brackets and what is between them, for faults.</param>
internal sealed class IndexExpression(Expression source, Expression key, SourceRange step) : Expression(source.Range.To(step))
{
    private const string Invalid = "Invalid index";

    public override HclValue Evaluate(Scope scope) => Select(source.Evaluate(scope), key.Evaluate(scope), step);

    public static HclValue Select(HclValue value, HclValue key, SourceRange range)
    {
        if (value.IsNull)
        {
            throw new HclException("Attempt to index null value", "This value is null: it has no elements.", range);
        }

        if (key.IsNull)
        {
            throw new HclException(Invalid, "The key is null.", range);
        }

        return value.Type.Kind switch
        {
            HclKind.List or HclKind.Tuple => Element(value, Key(key, HclType.Number, range).Number, range),
            HclKind.Map or HclKind.Object => value.Entries.TryGetValue(Key(key, HclType.String, range).Text, out var found) ? found
                : throw new HclException(Invalid, $"There is no element with the key \"{Key(key, HclType.String, range).Text}\".", range),
            HclKind.Set => throw new HclException(Invalid, "The elements of a set have no index; use a for expression to go through them.", range),
            _ => throw new HclException(Invalid, $"A {value.Type} has no elements.", range),
        };
    }

    private static HclValue Element(HclValue value, HclNumber index, SourceRange range) =>
        index.ToInt64() is { } place && place >= 0 && place < value.Items.Length
            ? value.Items[(int)place]
            : throw new HclException(Invalid, $"There is no element {index}: the {value.Type} has {value.Items.Length}.", range);

    private static HclValue Key(HclValue key, HclType type, SourceRange range)
    {
        try
        {
            return Conversion.To(key, type);
        }
        catch (ConversionException problem)
        {
            throw new HclException(Invalid, $"The key does not fit: {problem.Message}.", range);
        }
    }
}
