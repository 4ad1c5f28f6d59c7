using System.Text;
using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary>Text with values in it.</summary>
internal sealed class TemplateExpression(IReadOnlyList<Expression> parts, SourceRange range) : Expression(range)
{
    /// <summary>The text, where there is nothing but text.</summary>
    public string? Literal => parts.Count == 0 ? "" : parts is [TextExpression text] ? text.Text : null;

    public override HclValue Evaluate(Scope scope)
    {
        var text = new StringBuilder();
        foreach (var part in parts)
        {
            text.Append(TextOf(part.Evaluate(scope), part.Range));
        }

        return HclValue.Of(text.ToString());
    }

    private static string TextOf(HclValue value, SourceRange at)
    {
        if (value.IsNull)
        {
            throw Error("Invalid template interpolation value", "The expression result is null. Cannot include a null value in a string template.", at);
        }

        try
        {
            return Conversion.To(value, HclType.String).Text;
        }
        catch (ConversionException problem)
        {
            throw Error("Invalid template interpolation value", $"Cannot include the given value in a string template: {problem.Message}.", at);
        }
    }
}
