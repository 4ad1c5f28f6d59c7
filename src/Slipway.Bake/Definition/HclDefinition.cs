using Slipway.Bake.Hcl;
using Slipway.Bake.Values;

namespace Slipway.Bake.Definition;

/// <summary>Reads bodies of HCL or JSON into targets and groups.</summary>
internal sealed class HclDefinition
{
    private static readonly string[] s_blockTypes = ["variable", "function", "group", "target"];

    private readonly FileScope _scope;
    private readonly IReadOnlyList<HclBody> _bodies;

    private HclDefinition(IReadOnlyList<HclBody> bodies, BakeInputs inputs)
    {
        _bodies = bodies;
        _scope = new FileScope(inputs);
    }

    /// <summary>Adds what the bodies define to what is there; a target that is there is merged with.</summary>
    /// <exception cref="HclException">A body breaks the rules.</exception>
    public static IReadOnlyCollection<BakeVariable> Read(IReadOnlyList<HclBody> bodies, BakeInputs inputs, List<Target> targets, List<Group> groups)
    {
        var definition = new HclDefinition(bodies, inputs);
        foreach (var body in bodies)
        {
            definition._scope.Add(body, s_blockTypes);
        }

        definition._scope.EvaluateAll();
        definition.ReadBlocks(targets, groups);
        return definition._scope.Variables;
    }

    private void ReadBlocks(List<Target> targets, List<Group> groups)
    {
        var instances = new List<BlockInstance>();
        var matrices = new List<Group>();
        foreach (var block in s_blockTypes[2..].SelectMany(type => _bodies.SelectMany(body => body.Blocks(type, 1))))
        {
            var named = Instances(block);
            instances.AddRange(named);
            if (named.Count != 1 || named[0].Name != block.Labels[0].Text)
            {
                matrices.Add(new Group(block.Labels[0].Text) { Targets = [.. named.Select(instance => instance.Name)] });
            }
        }

        foreach (var instance in instances.Where(instance => !_scope.Blocks.TryAdd((instance.Block.Type, instance.Name), instance)))
        {
            _scope.Blocks[(instance.Block.Type, instance.Name)].AddLater(instance);
        }

        FaultList.ForEach(instances, instance => Read(instance, targets, groups));

        AddMatrices(matrices, groups);
    }

    /// <summary>A block with a matrix can be named as a whole.</summary>
    private static void AddMatrices(List<Group> matrices, List<Group> groups)
    {
        foreach (var matrix in matrices)
        {
            if (groups.Find(group => group.Name == matrix.Name) is { } known)
            {
                known.Targets = [.. known.Targets.Union(matrix.Targets, StringComparer.Ordinal)];
            }
            else
            {
                groups.Add(matrix);
            }
        }
    }

    private List<BlockInstance> Instances(HclBlock block)
    {
        var label = block.Labels[0];
        Check(label.Text, label.Range);
        var (matrix, name) = (block.Body.Attribute("matrix"), block.Body.Attribute("name"));
        if (block.Type == "group" && (matrix ?? name) is not null)
        {
            throw new HclException("Invalid name", $"{(matrix ?? name)!.Name} is not supported for groups", label.Range);
        }

        if (name is not null && matrix is null)
        {
            throw new HclException("Invalid name", "name requires matrix", label.Range);
        }

        var instances = new List<BlockInstance>();
        foreach (var scope in matrix is null ? [_scope] : Combinations(matrix))
        {
            var own = name is null ? label.Text : Named(name, scope);
            Check(own, label.Range);
            instances.Add(instances.TrueForAll(instance => instance.Name != own)
                ? new BlockInstance(own, block, scope)
                : throw new HclException("Invalid name", $"duplicate name \"{own}\"", label.Range));
        }

        return instances;
    }

    private static void Check(string name, SourceRange range)
    {
        if (!TargetName.IsValid(name))
        {
            throw new HclException("Invalid name", $"only \"{TargetName.Pattern}\" are allowed", range);
        }
    }

    private static string Named(HclAttribute name, Scope scope)
    {
        try
        {
            var value = name.Value.Evaluate(scope);
            return value.IsNull ? throw new ConversionException("string required") : Conversion.To(value, HclType.String).Text;
        }
        catch (ConversionException problem)
        {
            throw new HclException("Invalid name", problem.Message, name.Value.Range);
        }
    }

    /// <summary>A scope for every combination of the matrix's values.</summary>
    private List<Scope> Combinations(HclAttribute matrix)
    {
        var value = matrix.Value.Evaluate(_scope);
        if (value.IsNull || !value.Type.IsMapping)
        {
            throw new HclException("Invalid name", "matrix must be a map", matrix.Value.Range);
        }

        List<List<KeyValuePair<string, HclValue>>> rows = [[]];
        foreach (var (key, values) in value.Entries)
        {
            if (values.IsNull || !(values.Type.IsSequence || values.Type.IsMapping))
            {
                throw new HclException("Invalid name", "matrix values must be a list", matrix.Value.Range);
            }

            var elements = values.Type.IsMapping ? [.. values.Entries.Values] : values.Items;
            rows = [.. elements.SelectMany(element => rows.Select(row => row.Append(KeyValuePair.Create(key, element)).ToList()))];
        }

        return [.. rows.Select(Combination)];
    }

    private Scope Combination(List<KeyValuePair<string, HclValue>> row)
    {
        var scope = new Scope(_scope);
        foreach (var (key, value) in row)
        {
            scope[key] = value;
        }

        return scope;
    }

    private static void Read(BlockInstance instance, List<Target> targets, List<Group> groups)
    {
        if (instance.Block.Type == "group")
        {
            var group = ReadGroup(instance);
            groups.RemoveAll(known => known.Name == group.Name);
            groups.Add(group);
            return;
        }

        var target = ReadTarget(instance);
        if (targets.Find(known => known.Name == target.Name) is { } earlier)
        {
            earlier.Merge(target);
        }
        else
        {
            targets.Add(target);
        }
    }

    private static Group ReadGroup(BlockInstance instance)
    {
        var written = instance.Written("targets")
            ?? throw new HclException("Missing required argument", "The argument \"targets\" is required, but no definition was found.", instance.Block.Range);
        var targets = instance.Evaluate(written, HclType.List(HclType.String));
        var description = instance.Written("description") is { } text ? instance.Evaluate(text, HclType.String) : HclValue.Nothing;
        return new Group(instance.Name)
        {
            Description = description.IsNull ? "" : description.Text,
            Targets = targets.IsNull ? [] : [.. targets.Items.Select(item => item.IsNull ? throw BlockInstance.Unsuitable(written, "string required") : item.Text).Distinct(StringComparer.Ordinal)],
        };
    }

    private static Target ReadTarget(BlockInstance instance)
    {
        var target = new Target(instance.Name);
        FaultList.ForEach(TargetAttributes.All, attribute => Read(instance, attribute, target));
        return target;
    }

    private static void Read(BlockInstance instance, TargetAttribute attribute, Target target)
    {
        if (instance.Written(attribute.Name) is not { } written)
        {
            return;
        }

        var value = instance.Evaluate(written, attribute.Type, converts: !attribute.ReadsItself);
        try
        {
            if (!value.IsNull)
            {
                attribute.Set(target, value);
            }
        }
        catch (Exception problem) when (problem is ConversionException or BakeException)
        {
            throw BlockInstance.Unsuitable(written, problem.Message);
        }
    }
}
