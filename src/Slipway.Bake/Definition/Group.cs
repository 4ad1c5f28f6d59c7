namespace Slipway.Bake.Definition;

/// <summary>Several targets, or groups, under one name.</summary>
internal sealed class Group(string name)
{
    public string Name => name;

    public string Description { get; set; } = "";

    public List<string> Targets { get; set; } = [];
}
