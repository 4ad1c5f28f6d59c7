namespace Slipway.BuildKit.Http2;

/// <summary>What one HTTP/2 connection allows its peer, and how it watches over it.</summary>
public sealed record Http2Options
{
    /// <summary>SETTINGS_INITIAL_WINDOW_SIZE announced to the peer, bytes per stream.</summary>
    public int StreamWindowBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>The connection's receive window, bytes.</summary>
    public int ConnectionWindowBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>The largest gRPC message accepted, bytes: BuildKit's own limit.</summary>
    public int MessageBytesMax { get; init; } = 16 * 1024 * 1024;

    /// <summary>A PING is sent after this long without a frame from the peer; zero turns it off.</summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.Zero;

    /// <summary>An unanswered PING ends the connection after this long.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(20);

    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
