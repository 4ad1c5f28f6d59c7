using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary><c>source.name</c>.</summary>
/// <param name="step">The dot and the name, for faults.</param>
internal sealed class AttributeExpression(Expression source, string name, SourceRange step) : Expression(source.Range.To(step))
{
    public override HclValue Evaluate(Scope scope)
    {
        var reference = source switch
        {
            VariableExpression root => scope.Reference(root.Name, name, null),
            AttributeExpression inner => inner.Reference(scope, name),
            _ => null,
        };
        return reference ?? Select(source.Evaluate(scope), name, step);
    }

    public static HclValue Select(HclValue value, string name, SourceRange range)
    {
        if (value.IsNull)
        {
            throw new HclException("Attempt to get attribute from null value", "This value is null: it has no attributes.", range);
        }

        if (value.Type.IsMapping)
        {
            return value.Entries.TryGetValue(name, out var found) ? found
                : value.Type.Kind == HclKind.Map ? throw new HclException("Missing map element", $"This map has no element with the key \"{name}\".", range)
                : throw new HclException("Unsupported attribute", $"This object does not have an attribute named \"{name}\".", range);
        }

        throw new HclException("Unsupported attribute", value.Type.IsPrimitive
            ? $"A {value.Type} has no attributes."
            : $"A {value.Type} has no attributes of its own; select an element first, or all of them with [*].", range);
    }

    private HclValue? Reference(Scope scope, string attribute) => source is VariableExpression root ? scope.Reference(root.Name, name, attribute) : null;
}
