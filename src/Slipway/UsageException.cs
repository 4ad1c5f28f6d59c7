namespace Slipway;

/// <summary>The command was used wrongly: exit code 2. The message says how to use it.</summary>
internal sealed class UsageException(string message) : Exception(message);
