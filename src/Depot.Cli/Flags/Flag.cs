namespace Depot.Cli.Flags;

/// <summary>One flag of a command: how it is written, and where its value goes.</summary>
internal sealed record Flag(string Name, char? Short, string? ValueName, string Help, Action<string> Assign)
{
    /// <summary>The value when none is written (<c>--push</c>); null when one is required.</summary>
    public string? Implied { get; init; }

    /// <summary>Accepted, but not shown in the help.</summary>
    public bool Hidden { get; init; }

    /// <summary>Said when the flag is used: it has no effect here.</summary>
    public string? Warning { get; init; }

    /// <summary>As error texts name it: <c>-t, --tag</c>.</summary>
    public string Display => Short is { } letter ? $"-{letter}, --{Name}" : $"--{Name}";
}
