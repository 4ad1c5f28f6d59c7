using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary>The text between the values of a template.</summary>
internal sealed class TextExpression(string text, SourceRange range) : Expression(range)
{
    public string Text => text;

    public override HclValue Evaluate(Scope scope) => HclValue.Of(text);
}
