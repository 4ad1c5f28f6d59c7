using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary>A piece of the language that has a value once its names are known.</summary>
internal abstract class Expression(SourceRange range)
{
    public SourceRange Range => range;

    /// <summary>The single word that this is, where it is one: types and parameter names are written so.</summary>
    public virtual string? Keyword => null;

    /// <summary>The elements, where this is a sequence as written.</summary>
    public virtual IReadOnlyList<Expression>? Elements => null;

    /// <summary>The entries, where this is an object as written.</summary>
    public virtual IReadOnlyList<(Expression Key, Expression Value)>? Entries => null;

    /// <summary>The call, where this is one as written.</summary>
    public virtual CallExpression? Call => null;

    /// <exception cref="HclException">There is no such value.</exception>
    public abstract HclValue Evaluate(Scope scope);

    protected HclException Error(string summary, string detail) => new(summary, detail, range);

    protected static HclException Error(string summary, string detail, SourceRange at) => new(summary, detail, at);
}
