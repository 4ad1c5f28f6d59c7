namespace Slipway.Server.Storage;

/// <summary>A reason why a server or a tool cannot start, in one or two lines for the person who started it.</summary>
public sealed class StartupException(string message, Exception? inner = null) : Exception(message, inner);
