using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary>A word as the key of an object: the word itself, not the variable of that name.</summary>
internal sealed class KeyExpression(string word, SourceRange range) : Expression(range)
{
    public override string? Keyword => word;

    public override HclValue Evaluate(Scope scope) => HclValue.Of(word);
}
