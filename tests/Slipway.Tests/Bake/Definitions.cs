using Slipway.Bake.Definition;

namespace Slipway.Tests.Bake;

/// <summary>Reads definitions that stand in a test.</summary>
internal static class Definitions
{
    public static BakeDefinition Read(params IReadOnlyList<(string Name, string Text)> files) => Read(_ => null, files);

    public static BakeDefinition Read(Func<string, string?> variable, params IReadOnlyList<(string Name, string Text)> files) => BakeDefinition.Read(
        [.. files.Select(file => new BakeFile(file.Name, file.Text))],
        new BakeInputs { Variable = variable, WorkingFolder = "/nonexistent", BuiltIn = new Dictionary<string, string> { ["BAKE_CMD_CONTEXT"] = "cwd://" } });

    public static BakePlan Plan(this BakeDefinition definition, string[] targets, params IReadOnlyList<string> overrides) =>
        definition.Plan(targets, Override.Parse(overrides, _ => null), Grants.Parse([]));
}
