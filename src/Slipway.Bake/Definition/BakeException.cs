namespace Slipway.Bake.Definition;

/// <summary>A definition cannot be used, and the place in the file is not what matters; the message is for the user.</summary>
internal sealed class BakeException(string message, Exception? inner = null) : Exception(message, inner);
