using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary><c>-value</c> and <c>!value</c>.</summary>
internal sealed class UnaryExpression(char operation, Expression operand, SourceRange range) : Expression(range)
{
    public override HclValue Evaluate(Scope scope)
    {
        var value = BinaryExpression.Operand(operand, scope, operation == '!' ? HclType.Bool : HclType.Number, "unary");
        return operation == '!' ? HclValue.Of(!value.Truth) : HclValue.Of(value.Number.Negate());
    }
}
