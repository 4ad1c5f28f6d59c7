namespace Depot.Cli.Rendering;

/// <summary>What the user set about output; read from the environment by the one settings file.</summary>
internal sealed record TerminalOptions
{
    /// <summary><c>NO_COLOR</c> has a value (no-color.org).</summary>
    public bool NoColor { get; init; }

    /// <summary><c>BUILDKIT_COLORS</c>, such as <c>run=green:error=255,0,0</c>.</summary>
    public string? Colors { get; init; }

    /// <summary><c>BUILDKIT_TTY_LOG_LINES</c>: output lines under each running step.</summary>
    public int? LogLines { get; init; }

    /// <summary><c>TTY_DISPLAY_RATE</c>: milliseconds between two refreshes.</summary>
    public int? DisplayRateMilliseconds { get; init; }

    /// <summary><c>PROGRESS_NO_TRUNC</c> is 0: step names are cut in plain output.</summary>
    public bool TruncateNames { get; init; }

    /// <summary><c>CI</c> is set: nothing is redrawn in place, even where stderr looks like a terminal.</summary>
    public bool Ci { get; init; }

    /// <summary>Warnings are shown with their details.</summary>
    public bool Debug { get; init; }
}
