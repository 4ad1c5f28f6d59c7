namespace Depot.Cli;

/// <summary>The process's standard input, and what its other two streams are.</summary>
internal sealed record StandardStreams(Stream Input, bool OutputIsTerminal, bool ErrorIsTerminal);
