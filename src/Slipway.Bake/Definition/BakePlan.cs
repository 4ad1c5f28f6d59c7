namespace Slipway.Bake.Definition;

/// <summary>The targets that are to be built, everything inherited and overridden, and the groups that name them.</summary>
internal sealed record BakePlan(SortedDictionary<string, Target> Targets, SortedDictionary<string, Group> Groups)
{
    private const string Link = "target:";

    /// <summary>The targets that a target's contexts name.</summary>
    public static IEnumerable<string> Needs(Target target) => (target.Contexts?.Values ?? Enumerable.Empty<string>())
        .Where(context => context.StartsWith(Link, StringComparison.Ordinal))
        .Select(context => context[Link.Length..]);

    /// <summary>Gives the images of Compose's services the names under which Compose looks for them, but for those that a registry is to get.</summary>
    public void NameImages()
    {
        foreach (var target in Targets.Values.Where(target => target is { DefaultImage: not null, Tags: not { Count: > 0 } }))
        {
            target.Tags = target.Outputs?.Exists(output => output.Pushes) == true ? target.Tags : [target.DefaultImage!];
        }
    }
}
