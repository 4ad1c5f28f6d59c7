namespace Slipway.BuildKit.Http2;

/// <summary>What one HTTP/2 connection allows its peer, and how it watches over it.</summary>
public sealed record Http2Options
{
    /// <summary>SETTINGS_INITIAL_WINDOW_SIZE announced to the peer, bytes per stream.</summary>
    public int StreamWindowBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>The connection's receive window, bytes: received and not yet read, over all streams. Several full streams fit, so that
    /// a few calls whose readers pause (an export into a slow pipe) do not hold up the others (a health check).</summary>
    public int ConnectionWindowBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>The largest gRPC message accepted, bytes: BuildKit's own limit.</summary>
    public int MessageBytesMax { get; init; } = 16 * 1024 * 1024;

    /// <summary>SETTINGS_MAX_FRAME_SIZE announced to the peer.</summary>
    public int FrameBytesMax { get; init; } = 1024 * 1024;

    /// <summary>SETTINGS_MAX_HEADER_LIST_SIZE announced to the peer, and enforced.</summary>
    public int HeaderListBytesMax { get; init; } = HpackDecoder.DefaultListBytesMax;

    /// <summary>SETTINGS_MAX_CONCURRENT_STREAMS announced to a calling peer: calls whose handlers are still running. The value of Go's server.</summary>
    public int ConcurrentStreamsMax { get; init; } = 250;

    /// <summary>Bytes that wait for the transport before writers wait too. One write to the transport is at most this large.</summary>
    public int SendBufferBytes { get; init; } = 1024 * 1024;

    /// <summary>A PING is sent after this long without a frame from the peer; zero turns it off.</summary>
    /// <remarks>grpc-go's server (a standalone buildkitd) ends a connection that sends it three PINGs less than five minutes apart with nothing
    /// from its own side between them. A session's health checks come every five seconds, so with a session open a PING goes out only when
    /// something is wrong.</remarks>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.Zero;

    /// <summary>An unanswered PING ends the connection after this long.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long a closing connection waits for its last bytes to leave.</summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(1);

    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
