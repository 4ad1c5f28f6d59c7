using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary><c>{ key = value }</c>.</summary>
internal sealed class ObjectExpression(IReadOnlyList<(Expression Key, Expression Value)> entries, SourceRange range) : Expression(range)
{
    public override IReadOnlyList<(Expression Key, Expression Value)>? Entries => entries;

    public override HclValue Evaluate(Scope scope)
    {
        var values = new Dictionary<string, HclValue>(StringComparer.Ordinal);
        FaultList.ForEach(entries, entry => values[Key(entry.Key, scope)] = entry.Value.Evaluate(scope));
        return HclValue.Object(values);
    }

    private static string Key(Expression key, Scope scope)
    {
        var value = key.Evaluate(scope);
        try
        {
            return value.IsNull ? throw Error("Null value as key", "A key must not be null.", key.Range) : Conversion.To(value, HclType.String).Text;
        }
        catch (ConversionException problem)
        {
            throw Error("Incorrect key type", $"This cannot be a key: {problem.Message}.", key.Range);
        }
    }
}
