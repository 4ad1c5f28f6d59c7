namespace Slipway.Bake.Hcl;

/// <summary><c>name = value</c>.</summary>
internal sealed record HclAttribute(string Name, SourceRange NameRange, Expression Value)
{
    public SourceRange Range => NameRange.To(Value.Range);
}
