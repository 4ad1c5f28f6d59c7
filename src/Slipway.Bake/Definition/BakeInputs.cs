namespace Slipway.Bake.Definition;

/// <summary>What of the outside a definition may see.</summary>
internal sealed record BakeInputs
{
    /// <summary>A variable of the environment; null where it is not set.</summary>
    public required Func<string, string?> Variable { get; init; }

    /// <summary>Where relative paths of Compose files begin, and where <c>.env</c> is.</summary>
    public required string WorkingFolder { get; init; }

    public string Home { get; init; } = "/";

    /// <summary>Variables that a file finds defined: <c>BAKE_CMD_CONTEXT</c>, <c>BAKE_LOCAL_PLATFORM</c>.</summary>
    public IReadOnlyDictionary<string, string> BuiltIn { get; init; } = new Dictionary<string, string>();

    /// <summary><c>--var name=value</c>: stands above the environment.</summary>
    public IReadOnlyDictionary<string, string> Given { get; init; } = new Dictionary<string, string>();

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public string? Lookup(string name) => Given.TryGetValue(name, out var value) ? value : Variable(name);
}
