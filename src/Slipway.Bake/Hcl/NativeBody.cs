namespace Slipway.Bake.Hcl;

/// <summary>A body in the language's own notation.</summary>
internal sealed class NativeBody(IReadOnlyList<HclAttribute> attributes, IReadOnlyList<HclBlock> blocks, SourceRange range) : HclBody
{
    public override SourceRange Range => range;

    public IReadOnlyList<HclBlock> AllBlocks => blocks;

    public override IReadOnlyList<HclAttribute> Attributes(IReadOnlyCollection<string> blockTypes) => attributes;

    public override IEnumerable<HclBlock> Blocks(string type, int labels)
    {
        foreach (var block in blocks.Where(block => block.Type == type))
        {
            if (block.Labels.Count != labels)
            {
                throw block.Labels.Count > labels
                    ? new HclException($"Extraneous label for {type}", labels == 0 ? $"a {type} block takes no label." : $"a {type} block takes one label, its name.", block.Labels[labels].Range)
                    : new HclException($"Missing name for {type}", $"a {type} block takes one label, its name.", block.Range);
            }

            yield return block;
        }
    }
}
