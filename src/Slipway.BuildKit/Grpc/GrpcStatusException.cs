namespace Slipway.BuildKit.Grpc;

/// <summary>A call ended with a status other than OK, or a handler wants it to.</summary>
public sealed class GrpcStatusException : Exception
{
    public GrpcStatusException(GrpcStatusCode code, string message, byte[]? details = null, Exception? inner = null)
        : base(message, inner)
    {
        Code = code;
        Details = details;
    }

    public GrpcStatusCode Code { get; }

    /// <summary>The serialized google.rpc.Status of <c>grpc-status-details-bin</c>, when the peer sent one.</summary>
    public byte[]? Details { get; }

    /// <summary>True when the peer sent this status in its trailers; false when it was concluded here (a lost connection, a reset).</summary>
    public bool FromPeer { get; init; }
}
