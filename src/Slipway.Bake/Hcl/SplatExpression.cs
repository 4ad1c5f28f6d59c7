using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary><c>source[*].rest</c> and <c>source.*.rest</c>: the rest of the path for every element.</summary>
/// <param name="each">The rest of the path, which begins at <see cref="Item"/>.</param>
internal sealed class SplatExpression(Expression source, Expression each, SplatExpression.Item item, SourceRange range) : Expression(range)
{
    public override HclValue Evaluate(Scope scope)
    {
        var value = source.Evaluate(scope);
        if (value.IsNull)
        {
            return value.Type.IsSequence
                ? throw Error("Splat of null value", "The sequence before the * is null.")
                : HclValue.EmptyTuple;
        }

        var elements = value.Type.IsSequence ? value.Items : [value];
        var results = elements.Select(element => item.With(element, () => each.Evaluate(scope))).ToList();
        return value.Type.Kind is HclKind.List or HclKind.Set && results.Count > 0 && results.TrueForAll(result => result.Type.Equals(results[0].Type))
            ? HclValue.List(results[0].Type, results)
            : HclValue.Tuple(results);
    }

    /// <summary>Stands for the element at hand.</summary>
    internal sealed class Item(SourceRange range) : Expression(range)
    {
        private HclValue? _current;

        public override HclValue Evaluate(Scope scope) => _current!;

        public HclValue With(HclValue element, Func<HclValue> evaluate)
        {
            var outer = _current;
            _current = element;
            try
            {
                return evaluate();
            }
            finally
            {
                _current = outer;
            }
        }
    }
}
