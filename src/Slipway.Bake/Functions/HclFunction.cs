using Slipway.Bake.Hcl;
using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary>Something that an expression can call.</summary>
internal abstract class HclFunction
{
    /// <exception cref="HclException">The arguments do not fit, or there is no result for them.</exception>
    public abstract HclValue Call(CallExpression call, IReadOnlyList<Expression> arguments, Scope scope);

    /// <exception cref="HclException">There are too few or too many.</exception>
    protected static void Count(CallExpression call, int given, IReadOnlyList<string> names, bool variadic)
    {
        if (given < names.Count)
        {
            throw new HclException("Not enough function arguments",
                $"Function \"{call.Name}\" expects{(variadic ? " at least" : "")} {names.Count} argument(s). Missing value for \"{names[given]}\".", call.Range);
        }

        if (given > names.Count && !variadic)
        {
            throw new HclException("Too many function arguments", $"Function \"{call.Name}\" expects only {names.Count} argument(s).", call.Arguments.Count > names.Count ? call.Arguments[names.Count].Range : call.Range);
        }
    }

    protected static HclException Failed(CallExpression call, string message) =>
        new("Error in function call", $"Call to function \"{call.Name}\" failed: {message}.", call.Range);
}
