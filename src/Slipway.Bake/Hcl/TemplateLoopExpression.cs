using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary><c>%{ for k, v in source }text%{ endfor }</c>.</summary>
internal sealed class TemplateLoopExpression(string? keyName, string valueName, Expression source, TemplateExpression body, SourceRange range) : Expression(range)
{
    public override HclValue Evaluate(Scope scope) => HclValue.Of(string.Concat(
        ForExpression.Rounds(source.Evaluate(scope), keyName, valueName, scope, source.Range).Select(round => body.Evaluate(round).Text)));
}
