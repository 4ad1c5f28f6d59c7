using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary><c>condition ? yes : no</c>. The result has a type that both sides fit, whichever is taken.</summary>
internal sealed class ConditionalExpression(Expression condition, Expression yes, Expression no, SourceRange range) : Expression(range)
{
    public override HclValue Evaluate(Scope scope)
    {
        var taken = Condition(scope) ? yes : no;
        var value = taken.Evaluate(scope);
        if (Other(taken == yes ? no : yes, scope) is not { } other)
        {
            return value;
        }

        var type = Unification.Find([value.Type, other.Type], safe: false)
            ?? throw Error("Inconsistent conditional result types", $"Both sides must have one type in common, these are {value.Type} and {other.Type}.", yes.Range.To(no.Range));
        try
        {
            return Conversion.To(value, type);
        }
        catch (ConversionException problem)
        {
            throw Error("Inconsistent conditional result types", $"The result does not fit the type of the other side: {problem.Message}.", taken.Range);
        }
    }

    private bool Condition(Scope scope)
    {
        var value = condition.Evaluate(scope);
        if (value.IsNull)
        {
            throw Error("Null condition", "The condition is null; it must be true or false.", condition.Range);
        }

        try
        {
            return Conversion.To(value, HclType.Bool).Truth;
        }
        catch (ConversionException)
        {
            throw Error("Incorrect condition type", $"The condition must be true or false, this is {value.Type}.", condition.Range);
        }
    }

    /// <summary>The side not taken matters by its type only; it may be what the condition guards against.</summary>
    private static HclValue? Other(Expression side, Scope scope)
    {
        try
        {
            return side.Evaluate(scope);
        }
        catch (HclException)
        {
            return null;
        }
    }
}
