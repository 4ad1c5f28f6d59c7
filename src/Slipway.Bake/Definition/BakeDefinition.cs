using Slipway.Bake.Compose;
using Slipway.Bake.Hcl;

namespace Slipway.Bake.Definition;

/// <summary>Everything that the files define, before it is known which targets are wanted.</summary>
internal sealed class BakeDefinition
{
    private readonly List<Target> _targets = [];
    private readonly List<Group> _groups = [];

    private BakeDefinition()
    {
    }

    public IReadOnlyList<Target> Targets => _targets;

    public IReadOnlyList<Group> Groups => _groups;

    public IReadOnlyCollection<BakeVariable> Variables { get; private set; } = [];

    /// <summary>Compose files come first, whatever their place; then the others, each over those before it.</summary>
    /// <exception cref="HclException">A file breaks the rules of its notation.</exception>
    /// <exception cref="BakeException">A file cannot be used.</exception>
    public static BakeDefinition Read(IReadOnlyList<BakeFile> files, BakeInputs inputs)
    {
        var definition = new BakeDefinition();
        var compose = new List<BakeFile>();
        var bodies = new List<HclBody>();
        FaultList.ForEach(files, file =>
        {
            switch (Notation.Of(file, inputs))
            {
                case HclBody body:
                    bodies.Add(body);
                    break;
                default:
                    compose.Add(file);
                    break;
            }
        });

        if (compose.Count > 0)
        {
            ComposeDefinition.Read(compose, inputs, definition._targets, definition._groups);
        }

        if (bodies.Count > 0)
        {
            definition.Variables = HclDefinition.Read(bodies, inputs, definition._targets, definition._groups);
        }

        return definition;
    }

    /// <exception cref="BakeException">A name is not defined, an override does not fit, or targets need each other in a circle.</exception>
    public BakePlan Plan(IEnumerable<string> names, IReadOnlyList<Override> overrides, Grants grants)
    {
        var wanted = names.Select(TargetName.From).SelectMany(Expanded).Distinct(StringComparer.Ordinal).ToList();
        var perTarget = OverridesByTarget(overrides);
        var targets = new SortedDictionary<string, Target>(StringComparer.Ordinal);
        var groups = new SortedDictionary<string, Group>(StringComparer.Ordinal);
        foreach (var name in wanted)
        {
            var (members, named) = Members(name);
            foreach (var member in members)
            {
                targets.TryAdd(member, Resolve(member, perTarget, grants));
            }

            foreach (var group in named)
            {
                groups.TryAdd(group.Name, group);
            }
        }

        AddDefault(groups, wanted);
        foreach (var target in targets.Values.ToList())
        {
            Link(target, targets, perTarget, grants, []);
        }

        return new BakePlan(targets, groups);
    }

    private IEnumerable<string> Expanded(string name)
    {
        if (!TargetName.IsPattern(name))
        {
            return [name];
        }

        var matches = _groups.Select(group => group.Name).Concat(_targets.Select(target => target.Name)).Where(known => TargetName.Matches(name, known)).ToList();
        return matches.Count > 0 ? matches : throw new BakeException($"could not find any target matching \"{name}\"");
    }

    /// <summary>What was asked for is the default group of what is printed.</summary>
    private static void AddDefault(SortedDictionary<string, Group> groups, List<string> wanted)
    {
        foreach (var name in wanted)
        {
            if (!groups.TryGetValue("default", out var group))
            {
                groups["default"] = group = new Group("default");
            }
            else if (name == "default")
            {
                continue;
            }

            group.Targets = [.. group.Targets.Append(name).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        }

        if (groups.TryGetValue("default", out var asked))
        {
            asked.Targets = [.. asked.Targets.Order(StringComparer.Ordinal)];
        }
    }

    private Dictionary<string, List<Override>> OverridesByTarget(IReadOnlyList<Override> overrides)
    {
        var byTarget = new Dictionary<string, List<Override>>(StringComparer.Ordinal);
        foreach (var one in overrides)
        {
            var names = _targets.Exists(target => target.Name == one.Pattern) ? [one.Pattern]
                : _targets.Select(target => target.Name).Where(name => TargetName.Matches(one.Pattern, name)).ToList();
            if (names.Count == 0)
            {
                throw new BakeException($"could not find any target matching '{one.Pattern}'");
            }

            foreach (var name in names)
            {
                if (!byTarget.TryGetValue(name, out var list))
                {
                    byTarget[name] = list = [];
                }

                list.Add(one);
            }
        }

        return byTarget;
    }

    /// <summary>The targets behind a name, and the groups on the way to them. A name of neither kind stands for itself, and is missed later.</summary>
    private (List<string> Targets, List<Group> Groups) Members(string name)
    {
        var targets = new List<string>();
        var groups = new List<Group>();
        var within = new Stack<string>();
        void Visit(string member)
        {
            // A group that holds itself is missed as a target, too.
            if (_groups.Find(group => group.Name == member) is not { } group || within.Contains(member))
            {
                targets.Add(member);
            }
            else if (!groups.Contains(group))
            {
                groups.Add(group);
                within.Push(member);
                group.Targets.ForEach(Visit);
                within.Pop();
            }
        }

        Visit(name);
        return ([.. targets.Distinct(StringComparer.Ordinal)], groups);
    }

    private Target Resolve(string name, Dictionary<string, List<Override>> overrides, Grants grants)
    {
        var target = Inherited(name, overrides, grants, new Dictionary<string, Target?>(StringComparer.Ordinal))!;
        var resolved = new Target(name);
        resolved.Merge(target);
        resolved.Inherits = null;
        resolved.Context ??= ".";
        resolved.Dockerfile = resolved.Dockerfile is { Length: > 0 } file ? file : "Dockerfile";
        return resolved;
    }

    /// <summary>Null for a target that is being resolved already: it inherits from itself.</summary>
    private Target? Inherited(string name, Dictionary<string, List<Override>> overrides, Grants grants, Dictionary<string, Target?> visited)
    {
        if (visited.TryGetValue(name, out var known))
        {
            return known;
        }

        visited[name] = null;
        var own = _targets.Find(target => target.Name == name) ?? throw new BakeException($"failed to find target {name}");
        var merged = new Target(name);
        foreach (var parent in own.Inherits ?? [])
        {
            if (Inherited(parent, overrides, grants, visited) is { } inherited)
            {
                merged.Merge(inherited);
            }
        }

        merged.Merge(own);
        foreach (var one in overrides.GetValueOrDefault(name) ?? [])
        {
            one.Apply(merged, grants);
        }

        merged.Normalize();
        return visited[name] = merged;
    }

    /// <summary>Adds the targets that a target's contexts name. They are built, and nothing else is done with them.</summary>
    private void Link(Target target, SortedDictionary<string, Target> targets, Dictionary<string, List<Override>> overrides, Grants grants, IReadOnlyList<string> visited)
    {
        foreach (var name in BakePlan.Needs(target))
        {
            if (name == target.Name)
            {
                throw new BakeException($"target {name} cannot link to itself");
            }

            if (visited.Contains(name))
            {
                throw new BakeException($"infinite loop from {target.Name} to {name}");
            }

            if (!targets.TryGetValue(name, out var needed))
            {
                needed = Resolve(name, overrides, grants);
                needed.Outputs = [OutputEntry.Of("cacheonly")];
                needed.IsLinked = true;
                targets[name] = needed;
            }

            Link(needed, targets, overrides, grants, [.. visited, target.Name]);
            target.Entitlements = needed.Entitlements is { Count: > 0 } more ? [.. (target.Entitlements ?? []).Union(more, StringComparer.Ordinal)] : target.Entitlements;
            CheckPlatforms(target, needed);
        }
    }

    private static void CheckPlatforms(Target target, Target needed)
    {
        if (target.Platforms is { Count: > 1 } mine && needed.Platforms is { Count: > 1 } theirs && mine.Except(theirs).Any())
        {
            throw new BakeException($"target {needed.Name} can't be used by {target.Name} because its platforms [{string.Join(' ', mine)}] are not a subset of [{string.Join(' ', theirs)}]");
        }
    }
}
