using Slipway.Bake.Functions;
using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary>The names that an expression can use.</summary>
internal class Scope(Scope? parent)
{
    private readonly Dictionary<string, HclValue> _variables = new(StringComparer.Ordinal);

    public Scope? Parent => parent;

    public HclValue this[string name]
    {
        set => _variables[name] = value;
    }

    public virtual IEnumerable<string> VariableNames => parent is null ? _variables.Keys : _variables.Keys.Concat(parent.VariableNames);

    public virtual IEnumerable<string> FunctionNames => parent?.FunctionNames ?? [];

    public virtual HclValue? Variable(string name) => _variables.TryGetValue(name, out var value) ? value : parent?.Variable(name);

    public virtual HclFunction? Function(string name) => parent?.Function(name);

    /// <summary>The value behind <c>root.name</c> or <c>root.name.attribute</c> where the root is no variable but names blocks of the file.</summary>
    public virtual HclValue? Reference(string root, string name, string? attribute) =>
        _variables.ContainsKey(root) ? null : parent?.Reference(root, name, attribute);
}
