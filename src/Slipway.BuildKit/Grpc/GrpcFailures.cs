using Slipway.BuildKit.Http2;

namespace Slipway.BuildKit.Grpc;

/// <summary>What a broken stream or connection means for a call.</summary>
internal static class GrpcFailures
{
    /// <summary>RST_STREAM codes map as gRPC over HTTP/2 says; a lost connection is Unavailable.</summary>
    public static GrpcStatusException Of(Http2Exception failure)
    {
        var code = failure.Code switch
        {
            Http2ErrorCode.Cancel => GrpcStatusCode.Cancelled,
            Http2ErrorCode.RefusedStream => GrpcStatusCode.Unavailable,
            Http2ErrorCode.EnhanceYourCalm when failure.ByPeer => GrpcStatusCode.ResourceExhausted,
            Http2ErrorCode.InadequateSecurity => GrpcStatusCode.PermissionDenied,
            Http2ErrorCode.StreamClosed => GrpcStatusCode.Cancelled,
            _ => failure.ByPeer ? GrpcStatusCode.Internal : GrpcStatusCode.Unavailable,
        };
        return new GrpcStatusException(code, failure.Message, details: null, failure);
    }
}
