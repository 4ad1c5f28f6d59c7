using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary><c>[a, b]</c>.</summary>
internal sealed class TupleExpression(IReadOnlyList<Expression> elements, SourceRange range) : Expression(range)
{
    public override IReadOnlyList<Expression>? Elements => elements;

    public override HclValue Evaluate(Scope scope) => HclValue.Tuple(FaultList.Select(elements, element => element.Evaluate(scope)));
}
