namespace Slipway.Bake.Definition;

/// <summary>A definition file and its text.</summary>
internal sealed record BakeFile(string Name, string Text);
