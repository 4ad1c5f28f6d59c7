using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary><c>(inner)</c>.</summary>
internal sealed class ParenthesesExpression(Expression inner, SourceRange range) : Expression(range)
{
    public override HclValue Evaluate(Scope scope) => inner.Evaluate(scope);
}
