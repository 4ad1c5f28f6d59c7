using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary>A name that stands alone or begins a path.</summary>
internal sealed class VariableExpression(string name, SourceRange range) : Expression(range)
{
    public string Name => name;

    public override string? Keyword => name;

    public override HclValue Evaluate(Scope scope) => scope.Variable(name)
        ?? throw Error("Unknown variable", $"There is no variable named \"{name}\".{Suggestion.For(name, scope.VariableNames)}");
}
