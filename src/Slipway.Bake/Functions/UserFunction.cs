using Slipway.Bake.Hcl;
using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary>A <c>function</c> block of the file: its result sees its parameters and the file's own names.</summary>
internal sealed class UserFunction(IReadOnlyList<string> parameters, string? rest, Expression result, Scope file) : HclFunction
{
    /// <summary>A function cannot call itself in a way that ends; this ends those that do not.</summary>
    private const int DepthMax = 100;

    private int _depth;

    public override HclValue Call(CallExpression call, IReadOnlyList<Expression> arguments, Scope scope)
    {
        Count(call, arguments.Count, parameters, rest is not null);
        var inner = new Scope(file);
        var values = arguments.Select(argument => Argument(argument, scope)).ToList();
        for (var i = 0; i < parameters.Count; i++)
        {
            inner[parameters[i]] = values[i];
        }

        if (rest is not null)
        {
            inner[rest] = HclValue.Tuple(values.Skip(parameters.Count));
        }

        if (++_depth > DepthMax)
        {
            throw Failed(call, "it calls itself without end");
        }

        try
        {
            return result.Evaluate(inner);
        }
        finally
        {
            _depth--;
        }
    }

    private static HclValue Argument(Expression argument, Scope scope)
    {
        var value = argument.Evaluate(scope);
        return value.IsNull ? throw new HclException("Invalid function argument", "Invalid value for a parameter: argument must not be null.", argument.Range) : value;
    }
}
