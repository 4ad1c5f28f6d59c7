namespace Slipway.Builder.Engine;

/// <summary>No engine can be had; the message is one or two lines for the person whose build needed it.</summary>
internal class EngineException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>An engine was started and did not come up, which another attempt or an empty cache may cure.</summary>
internal sealed class EngineStartException(string message, Exception? inner = null) : EngineException(message, inner);
