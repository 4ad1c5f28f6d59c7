using Slipway.Bake.Hcl;
using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary><c>convert(value, type)</c>: the second argument is a type as it is written for a variable.</summary>
internal sealed class ConvertFunction : HclFunction
{
    public override HclValue Call(CallExpression call, IReadOnlyList<Expression> arguments, Scope scope)
    {
        Count(call, arguments.Count, ["value", "type"], variadic: false);
        var value = arguments[0].Evaluate(scope);
        var type = TypeConstraint.Read(arguments[1]);
        try
        {
            return Conversion.To(value, type);
        }
        catch (ConversionException problem)
        {
            throw new HclException("Invalid function argument", $"Invalid value for \"value\" parameter: {problem.Message}.", arguments[0].Range);
        }
    }
}
