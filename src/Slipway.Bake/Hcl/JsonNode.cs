namespace Slipway.Bake.Hcl;

/// <summary>A value of the JSON notation and where it stands.</summary>
internal abstract record JsonNode(SourceRange Range);

internal sealed record JsonText(string Text, SourceRange Range) : JsonNode(Range);

/// <summary>A number, true, false or null.</summary>
internal sealed record JsonScalar(Values.HclValue Value, SourceRange Range) : JsonNode(Range);

internal sealed record JsonArray(IReadOnlyList<JsonNode> Items, SourceRange Range) : JsonNode(Range);

/// <summary>Properties in order; a name may come twice.</summary>
internal sealed record JsonObject(IReadOnlyList<(JsonText Name, JsonNode Value)> Properties, SourceRange Range) : JsonNode(Range);
