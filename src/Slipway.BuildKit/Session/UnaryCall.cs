using Google.Protobuf;
using Slipway.BuildKit.Grpc;

namespace Slipway.BuildKit.Session;

/// <summary>The request of a call that has exactly one.</summary>
internal static class UnaryCall
{
    public static async Task<T> ReadAsync<T>(IGrpcStream call, MessageParser<T> parser, CancellationToken cancellation)
        where T : class, IMessage<T>
    {
        try
        {
            return await call.ReadMessageAsync(parser, cancellation)
                ?? throw new GrpcStatusException(GrpcStatusCode.Internal, "the call ended before its request");
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new GrpcStatusException(GrpcStatusCode.Internal, "the request is not the message this method takes", inner: e);
        }
    }
}
