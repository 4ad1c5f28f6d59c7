namespace Slipway.Bake.Hcl;

/// <summary>What stands between two braces, or in a whole file: arguments and blocks.</summary>
internal abstract class HclBody
{
    public abstract SourceRange Range { get; }

    /// <summary>The arguments. Names in <paramref name="blockTypes"/> are blocks, where the notation does not tell them apart.</summary>
    public abstract IReadOnlyList<HclAttribute> Attributes(IReadOnlyCollection<string> blockTypes);

    /// <summary>The blocks of one type, in order.</summary>
    /// <param name="labels">How many labels they have, for a notation that does not tell.</param>
    public abstract IEnumerable<HclBlock> Blocks(string type, int labels);

    public HclAttribute? Attribute(string name, IReadOnlyCollection<string>? blockTypes = null) =>
        Attributes(blockTypes ?? []).LastOrDefault(attribute => attribute.Name == name);
}
