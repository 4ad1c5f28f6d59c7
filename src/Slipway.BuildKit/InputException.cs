namespace Slipway.BuildKit;

/// <summary>What the user gave (a flag, a file, a helper program) cannot be used; the message is meant for them.</summary>
public sealed class InputException(string message, Exception? inner = null) : Exception(message, inner);
