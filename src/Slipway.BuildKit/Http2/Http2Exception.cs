namespace Slipway.BuildKit.Http2;

/// <summary>An HTTP/2 connection or stream broke: by the peer's doing, by a broken rule, or because the transport ended.</summary>
public sealed class Http2Exception(Http2ErrorCode code, string message, Exception? inner = null) : IOException(message, inner)
{
    /// <summary>What GOAWAY or RST_STREAM carries (or carried) for this failure.</summary>
    public Http2ErrorCode Code { get; } = code;

    /// <summary>The peer sent RST_STREAM.</summary>
    public bool ByPeer { get; init; }

    /// <summary>The peer ended the transport between two frames: the ordinary end of a connection.</summary>
    public bool PeerLeft { get; init; }
}
