using Slipway.BuildKit.Http2;

namespace Slipway.BuildKit.Grpc;

/// <summary>Serves one call; returning ends it with OK, a <see cref="GrpcStatusException"/> with its status, anything else with Unknown.</summary>
/// <param name="call">The call, valid until the handler's task ends.</param>
/// <param name="cancellation">Fires when the peer resets the call, its deadline passes, or the connection ends.</param>
public delegate Task GrpcHandler(GrpcServerCall call, CancellationToken cancellation);

/// <summary>The serving side of one HTTP/2 connection: gRPC methods by path.</summary>
public sealed class GrpcServer(IReadOnlyDictionary<string, GrpcHandler> methods)
{
    /// <summary>Serves <paramref name="transport"/> as an HTTP/2 server until the peer leaves or <paramref name="cancellation"/> fires.
    /// Ends every call that is still running, and awaits it, before it returns.</summary>
    public Task ServeAsync(Stream transport, Http2Options options, CancellationToken cancellation) =>
        throw new NotImplementedException(methods.Count.ToString(System.Globalization.CultureInfo.InvariantCulture));
}

/// <summary>One call being served.</summary>
public sealed class GrpcServerCall : IGrpcStream
{
    internal GrpcServerCall(Metadata requestHeaders) => RequestHeaders = requestHeaders;

    public Metadata RequestHeaders { get; }

    public ValueTask<GrpcMessage?> ReadAsync(CancellationToken cancellation) => throw new NotImplementedException();

    public ValueTask WriteAsync(ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> body, CancellationToken cancellation) =>
        throw new NotImplementedException();
}
