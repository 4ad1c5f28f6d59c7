using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary>What a function takes in one place.</summary>
internal sealed record Parameter(string Name, HclType Type, bool TakesNull = false);
