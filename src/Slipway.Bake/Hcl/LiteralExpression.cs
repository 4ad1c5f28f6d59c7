using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary>A value as it is written.</summary>
internal sealed class LiteralExpression(HclValue value, SourceRange range) : Expression(range)
{
    public override string? Keyword => value.IsNull ? "null" : value.Type.Kind == HclKind.Bool ? (value.Truth ? "true" : "false") : null;

    public override HclValue Evaluate(Scope scope) => value;
}
