using Slipway.Bake.Hcl;
using Slipway.Bake.Values;

namespace Slipway.Bake.Definition;

/// <summary>A <c>target</c> or <c>group</c> block with a name of its own: a block with a matrix is several of them.</summary>
/// <param name="scope">Sees the matrix's values.</param>
internal sealed class BlockInstance(string name, HclBlock block, Scope scope)
{
    private readonly Dictionary<string, HclValue> _values = new(StringComparer.Ordinal);

    /// <summary>Later blocks of the same name, in this file or the next.</summary>
    private readonly List<BlockInstance> _later = [];

    public string Name => name;

    public HclBlock Block => block;

    public Scope Scope => scope;

    public void AddLater(BlockInstance later) => _later.Add(later);

    /// <summary>What another expression sees of an attribute: this block's own, not what it inherits.</summary>
    public HclValue? Attribute(string attribute, FileScope file)
    {
        foreach (var later in Enumerable.Reverse(_later))
        {
            if (later.Written(attribute) is not null)
            {
                return later.Attribute(attribute, file);
            }
        }

        if (TypeOf(attribute) is not { } type)
        {
            return null;
        }

        if (!_values.TryGetValue(attribute, out var value))
        {
            var written = Written(attribute);
            value = written is null ? HclValue.Null(type)
                : file.Guarded($"{block.Type}.{name}.{attribute}", "reference", $"{block.Type}.{name}.{attribute}", written.Range, () => Evaluate(written, type));
            _values[attribute] = value;
        }

        return value;
    }

    /// <summary>All attributes as one object.</summary>
    public HclValue Value(FileScope file)
    {
        var names = block.Type == "target" ? TargetAttributes.All.Select(attribute => attribute.Name) : ["description", "targets"];
        return HclValue.Object(names.Select(attribute => KeyValuePair.Create(attribute, Attribute(attribute, file)!)).Append(new("name", HclValue.Of(name))));
    }

    /// <summary>The attribute as it is written, where it is.</summary>
    public HclAttribute? Written(string attribute) => block.Body.Attribute(attribute);

    /// <exception cref="HclException">The expression has no value, or one of another type.</exception>
    public HclValue Evaluate(HclAttribute written, HclType type, bool converts = true)
    {
        var value = written.Value.Evaluate(scope);
        try
        {
            return converts ? Conversion.To(value, type) : value;
        }
        catch (ConversionException problem)
        {
            throw Unsuitable(written, problem.Message);
        }
    }

    public static HclException Unsuitable(HclAttribute written, string message) => new("Unsuitable value type", $"Unsuitable value: {message}", written.Value.Range);

    private HclType? TypeOf(string attribute) => block.Type == "target" ? Referenced(TargetAttributes.Find(attribute))
        : attribute switch
        {
            "description" => HclType.String,
            "targets" => HclType.List(HclType.String),
            _ => null,
        };

    /// <summary>Entries that may be text or objects keep the form that they are written in.</summary>
    private static HclType? Referenced(TargetAttribute? attribute) => attribute is { ReadsItself: true } ? HclType.Any : attribute?.Type;
}
