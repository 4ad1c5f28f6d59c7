using Slipway.Bake.Hcl;
using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary>A function of the standard library: its arguments are converted to the types it asks for.</summary>
internal sealed class LibraryFunction(Func<IReadOnlyList<HclValue>, HclValue> body, IReadOnlyList<Parameter> parameters, Parameter? rest = null) : HclFunction
{
    public override HclValue Call(CallExpression call, IReadOnlyList<Expression> arguments, Scope scope)
    {
        Count(call, arguments.Count, [.. parameters.Select(parameter => parameter.Name)], rest is not null);
        var values = new List<HclValue>(arguments.Count);
        for (var i = 0; i < arguments.Count; i++)
        {
            values.Add(Argument(arguments[i], At(i), scope));
        }

        try
        {
            return body(values);
        }
        catch (FunctionException problem) when (problem.Argument is { } at && at < arguments.Count)
        {
            throw Unfit(At(at), problem.Message, arguments[at]);
        }
        catch (Exception problem) when (problem is FunctionException or ConversionException)
        {
            throw Failed(call, problem.Message);
        }
    }

    private Parameter At(int place) => place < parameters.Count ? parameters[place] : rest!;

    private static HclValue Argument(Expression argument, Parameter parameter, Scope scope)
    {
        var value = argument.Evaluate(scope);
        if (value.IsNull && !parameter.TakesNull)
        {
            throw Unfit(parameter, "argument must not be null", argument);
        }

        try
        {
            return Conversion.To(value, parameter.Type);
        }
        catch (ConversionException problem)
        {
            throw Unfit(parameter, problem.Message, argument);
        }
    }

    private static HclException Unfit(Parameter parameter, string message, Expression argument) =>
        new("Invalid function argument", $"Invalid value for \"{parameter.Name}\" parameter: {message}.", argument.Range);
}
