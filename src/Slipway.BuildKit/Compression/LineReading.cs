namespace Slipway.BuildKit.Compression;

/// <summary>What a connection has carried so far.</summary>
/// <param name="Bytes">Sent, and acknowledged by the peer.</param>
/// <param name="Busy">How long there was something under way. A line that carries everything at once is hardly ever busy.</param>
internal readonly record struct LineReading(long Bytes, TimeSpan Busy);
