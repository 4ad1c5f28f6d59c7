using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary>Two operands and what is done with them.</summary>
internal sealed class BinaryExpression(string operation, Expression left, Expression right) : Expression(left.Range.To(right.Range))
{
    public override HclValue Evaluate(Scope scope) => operation switch
    {
        "==" => HclValue.Of(left.Evaluate(scope).SameAs(right.Evaluate(scope))),
        "!=" => HclValue.Of(!left.Evaluate(scope).SameAs(right.Evaluate(scope))),
        "&&" or "||" => Logic(scope),
        _ => Arithmetic(Operand(left, scope, HclType.Number, "left").Number, Operand(right, scope, HclType.Number, "right").Number),
    };

    public static HclValue Operand(Expression expression, Scope scope, HclType type, string side)
    {
        var value = expression.Evaluate(scope);
        try
        {
            return value.IsNull ? throw new ConversionException("argument must not be null") : Conversion.To(value, type);
        }
        catch (ConversionException problem)
        {
            throw new HclException("Invalid operand", $"Unsuitable value for {side} operand: {problem.Message}.", expression.Range);
        }
    }

    /// <summary>Both sides count: a fault on the right is one, whatever stands on the left.</summary>
    private HclValue Logic(Scope scope)
    {
        var first = Operand(left, scope, HclType.Bool, "left").Truth;
        var second = Operand(right, scope, HclType.Bool, "right").Truth;
        return HclValue.Of(operation == "&&" ? first && second : first || second);
    }

    private HclValue Arithmetic(HclNumber a, HclNumber b) => operation switch
    {
        "+" => HclValue.Of(a.Add(b)),
        "-" => HclValue.Of(a.Subtract(b)),
        "*" => HclValue.Of(a.Multiply(b)),
        "/" => b.Sign == 0 ? throw Error("Operation failed", "Error during operation: division by zero.") : HclValue.Of(a.Divide(b)),
        "%" => HclValue.Of(a.Modulo(b)),
        "<" => HclValue.Of(a.CompareTo(b) < 0),
        "<=" => HclValue.Of(a.CompareTo(b) <= 0),
        ">" => HclValue.Of(a.CompareTo(b) > 0),
        _ => HclValue.Of(a.CompareTo(b) >= 0),
    };
}
