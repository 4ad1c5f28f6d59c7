using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary>A value of the JSON notation: strings and property names are templates.</summary>
internal sealed class JsonExpression(JsonNode node) : Expression(node.Range)
{
    private Expression? _template;

    public override string? Keyword => node is JsonText && Inner is { } inner ? inner.Keyword : node is JsonScalar { Value.IsNull: true } ? "null" : null;

    public override IReadOnlyList<Expression>? Elements => node is JsonArray array ? [.. array.Items.Select(item => new JsonExpression(item))] : null;

    public override IReadOnlyList<(Expression Key, Expression Value)>? Entries => node is JsonObject entries
        ? [.. entries.Properties.Select(property => ((Expression)new JsonExpression(property.Name), (Expression)new JsonExpression(property.Value)))] : null;

    public override CallExpression? Call => node is JsonText && Inner is { } inner ? inner.Call : null;

    public override HclValue Evaluate(Scope scope) => node switch
    {
        JsonText text => (_template ??= HclParser.ParseTemplate(new SourceText(text.Text, text.Range))).Evaluate(scope),
        JsonScalar scalar => scalar.Value,
        JsonArray => HclValue.Tuple(Elements!.Select(item => item.Evaluate(scope))),
        _ => new ObjectExpression(Entries!, Range).Evaluate(scope),
    };

    /// <summary>Types and names are written as strings that hold an expression.</summary>
    private Expression? Inner
    {
        get
        {
            try
            {
                return node is JsonText text ? HclParser.ParseExpression(new SourceText(text.Text, text.Range)) : null;
            }
            catch (HclException)
            {
                return null;
            }
        }
    }
}
