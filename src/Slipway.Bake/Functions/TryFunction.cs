using System.Text;
using Slipway.Bake.Hcl;
using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary><c>try(a, b, …)</c>: the first that has a value. <c>can(a)</c>: whether it has one.</summary>
internal sealed class TryFunction(bool onlyAsks) : HclFunction
{
    public override HclValue Call(CallExpression call, IReadOnlyList<Expression> arguments, Scope scope)
    {
        if (onlyAsks)
        {
            Count(call, arguments.Count, ["expression"], variadic: false);
        }

        var faults = new StringBuilder();
        foreach (var argument in arguments)
        {
            try
            {
                var value = argument.Evaluate(scope);
                return onlyAsks ? HclValue.True : value;
            }
            catch (HclException fault)
            {
                faults.Append($"\n- {fault.Summary}{(fault.Subject is { } at ? $" (at {at})" : "")}\n  {fault.Detail}");
            }
        }

        return onlyAsks ? HclValue.False
            : throw Failed(call, arguments.Count == 0 ? "at least one argument is required" : $"no expression succeeded:{faults}\n\nAt least one expression must produce a successful result");
    }
}
