using Google.Protobuf;
using Slipway.BuildKit.Http2;

namespace Slipway.BuildKit.Grpc;

/// <summary>The calling side of one HTTP/2 connection.</summary>
public sealed class GrpcChannel : IAsyncDisposable
{
    private GrpcChannel(string authority) => Authority = authority;

    /// <summary>Sent as <c>:authority</c>.</summary>
    public string Authority { get; }

    /// <summary>Ends when the connection does: faulted with the reason, or cleanly after <see cref="DisposeAsync"/>.</summary>
    public Task Completion => throw new NotImplementedException();

    /// <summary>Starts HTTP/2 with prior knowledge on a connected stream (plain or TLS), which the channel then owns.</summary>
    /// <param name="scheme"><c>http</c> or <c>https</c>, sent as <c>:scheme</c>.</param>
    public static GrpcChannel Start(Stream transport, string scheme, string authority, Http2Options options) =>
        throw new NotImplementedException();

    /// <summary>Starts a call of any shape. Disposing the call resets it when it has not ended.</summary>
    public ValueTask<GrpcCall> StartAsync(string path, Metadata? metadata, CancellationToken cancellation) =>
        throw new NotImplementedException();

    /// <summary>One request, one response.</summary>
    public Task<TResponse> UnaryAsync<TResponse>(
        string path, IMessage request, MessageParser<TResponse> parser, CancellationToken cancellation, Metadata? metadata = null)
        where TResponse : class, IMessage<TResponse> => throw new NotImplementedException();

    /// <summary>Sends GOAWAY, ends every call, closes the stream.</summary>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}

/// <summary>One call, from the calling side.</summary>
public sealed class GrpcCall : IGrpcStream, IAsyncDisposable
{
    internal GrpcCall(Metadata requestHeaders) => RequestHeaders = requestHeaders;

    public Metadata RequestHeaders { get; }

    /// <summary>The peer's initial metadata, once its headers have arrived.</summary>
    public Task<Metadata> ResponseHeaders => throw new NotImplementedException();

    /// <summary>The peer's trailing metadata; empty until the call has ended.</summary>
    public Metadata Trailers => throw new NotImplementedException();

    public ValueTask<GrpcMessage?> ReadAsync(CancellationToken cancellation) => throw new NotImplementedException();

    public ValueTask WriteAsync(ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> body, CancellationToken cancellation) =>
        throw new NotImplementedException();

    /// <summary>Half-closes: no more messages from this side.</summary>
    public ValueTask CompleteWritesAsync(CancellationToken cancellation) => throw new NotImplementedException();

    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
