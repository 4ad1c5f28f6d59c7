using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary><c>name(arguments)</c>.</summary>
internal sealed class CallExpression(string name, IReadOnlyList<Expression> arguments, bool expands, SourceRange nameRange, SourceRange range) : Expression(range)
{
    public string Name => name;

    public IReadOnlyList<Expression> Arguments => arguments;

    public override CallExpression? Call => this;

    public override HclValue Evaluate(Scope scope)
    {
        var function = scope.Function(name)
            ?? throw Error("Call to unknown function", $"There is no function named \"{name}\".{Suggestion.For(name, scope.FunctionNames)}", nameRange);
        return function.Call(this, expands ? Expanded(scope) : arguments, scope);
    }

    /// <summary>The last argument is a sequence of further arguments.</summary>
    private List<Expression> Expanded(Scope scope)
    {
        var last = arguments[^1];
        var value = last.Evaluate(scope);
        return value.IsNull || !value.Type.IsSequence
            ? throw Error("Invalid expanding argument value", "The argument before ... must be a list, set or tuple, and not null.", last.Range)
            : [.. arguments.SkipLast(1), .. value.Items.Select(item => new LiteralExpression(item, last.Range))];
    }
}
