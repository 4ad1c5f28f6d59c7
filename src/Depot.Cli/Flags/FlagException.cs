namespace Depot.Cli.Flags;

/// <summary>A value that a flag does not take; the parser adds which flag.</summary>
internal sealed class FlagException(string message) : Exception(message);
