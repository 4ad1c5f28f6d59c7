namespace Depot.Cli;

/// <summary>A failure that the user is meant to read: what happened, and what to do.</summary>
internal sealed class CliException(string message, int exitCode = ExitCode.Failed, Exception? inner = null) : Exception(message, inner)
{
    public int ExitCode { get; } = exitCode;

    /// <summary>The remedy, printed on its own line after the message.</summary>
    public string? Remedy { get; init; }

    /// <summary>Printed before the message as it is: source excerpts of a failed build.</summary>
    public string? Excerpt { get; init; }
}
