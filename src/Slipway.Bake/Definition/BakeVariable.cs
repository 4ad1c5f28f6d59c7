using Slipway.Bake.Functions;
using Slipway.Bake.Hcl;
using Slipway.Bake.Values;

namespace Slipway.Bake.Definition;

/// <summary>A <c>variable</c> block.</summary>
internal sealed class BakeVariable
{
    private static readonly string[] s_blocks = ["validation"];

    private readonly HclBlock _block;

    private BakeVariable(HclBlock block)
    {
        _block = block;
        Type = block.Body.Attribute("type", s_blocks) is { } type && type.Value.Keyword != "null" ? TypeConstraint.Read(type.Value) : null;
        Default = block.Body.Attribute("default", s_blocks);
        Description = block.Body.Attribute("description", s_blocks) is { } description && description.Value.Evaluate(new Scope(null)) is { IsNull: false } text ? text.Text : "";
    }

    public string Name => _block.Labels[0].Text;

    public SourceRange Range => _block.Range;

    /// <summary>Null where none is written.</summary>
    public HclType? Type { get; }

    public HclAttribute? Default { get; }

    public string Description { get; }

    /// <summary>Set when the file has been evaluated.</summary>
    public HclValue Value { get; set; } = HclValue.Nothing;

    /// <exception cref="HclException">The block breaks the rules.</exception>
    public static BakeVariable Read(HclBlock block) => new(block);

    /// <summary>The value as <c>--list=variables</c> has it; null for null.</summary>
    public string? ValueText => Value.IsNull ? null : Type is null && Value.Type.IsPrimitive ? Conversion.To(Value, HclType.String).Text
        : Type?.Kind == HclKind.String ? HclJson.Write(Value).Trim('"')
        : HclJson.Write(Value, Type ?? Value.Type);

    /// <exception cref="HclException">A <c>validation</c> block does not hold.</exception>
    public void Validate(Scope scope)
    {
        foreach (var rule in _block.Body.Blocks("validation", 0))
        {
            var condition = Required(rule, "condition").Value;
            var message = Required(rule, "error_message").Value;
            if (!Holds(condition, scope))
            {
                var text = message.Evaluate(scope);
                throw new HclException("Validation failed", text is { IsNull: false, Type.Kind: HclKind.String } ? text.Text : "The check has no error message of its own.", condition.Range);
            }
        }
    }

    private static HclAttribute Required(HclBlock rule, string name) => rule.Body.Attribute(name)
        ?? throw new HclException("Missing required argument", $"The argument \"{name}\" is required, but no definition was found.", rule.Range);

    private static bool Holds(Expression condition, Scope scope)
    {
        var value = condition.Evaluate(scope);
        try
        {
            return value.IsNull
                ? throw new HclException("Invalid condition result", "The condition must be true or false, not null.", condition.Range)
                : Conversion.To(value, HclType.Bool).Truth;
        }
        catch (ConversionException problem)
        {
            throw new HclException("Invalid condition result", $"Invalid condition result value: {problem.Message}", condition.Range);
        }
    }
}
