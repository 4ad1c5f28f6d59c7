namespace Slipway.Bake.Hcl;

/// <summary><c>type "label" { … }</c>.</summary>
internal sealed record HclBlock(string Type, IReadOnlyList<HclLabel> Labels, HclBody Body, SourceRange Range);

/// <summary>A label and where it stands.</summary>
internal sealed record HclLabel(string Text, SourceRange Range);
