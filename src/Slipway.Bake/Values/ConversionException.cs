namespace Slipway.Bake.Values;

/// <summary>A value cannot be made into the type that is wanted; the message says which that is.</summary>
internal sealed class ConversionException(string message) : Exception(message);
