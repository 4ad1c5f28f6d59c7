using Google.Protobuf;
using Slipway.BuildKit.Compression;
using Slipway.BuildKit.Http2;

namespace Slipway.BuildKit.Grpc;

/// <summary>The calling side of one HTTP/2 connection.</summary>
public sealed class GrpcChannel : IAsyncDisposable
{
    private readonly Http2Connection _connection;
    private readonly string _scheme;

    private GrpcChannel(Http2Connection connection, string scheme, string authority, LineGauge? line)
    {
        _connection = connection;
        Line = line;
        _scheme = scheme;
        Authority = authority;
    }

    /// <summary>Sent as <c>:authority</c>.</summary>
    public string Authority { get; }

    /// <summary>Measures the line below; null where nobody does.</summary>
    internal LineGauge? Line { get; }

    internal Http2Options Options => _connection.Options;

    /// <summary>Ends when the connection does: faulted with the reason, or cleanly after <see cref="DisposeAsync"/>.</summary>
    public Task Completion => _connection.Completion;

    /// <summary>Starts HTTP/2 with prior knowledge on a connected stream (plain or TLS), which the channel then owns.</summary>
    /// <param name="scheme"><c>http</c> or <c>https</c>, sent as <c>:scheme</c>.</param>
    /// <param name="line">Watches the connection below <paramref name="transport"/>.</param>
    public static GrpcChannel Start(Stream transport, string scheme, string authority, Http2Options options, LineGauge? line = null) =>
        new(Http2Connection.StartClient(transport, options), scheme, authority, line);

    /// <summary>Starts a call of any shape. Disposing the call resets it when it has not ended.</summary>
    /// <param name="cancellation">Ends the wait for a free call slot; a started call is cancelled by disposing it.</param>
    public async ValueTask<GrpcCall> StartAsync(string path, Metadata? metadata, CancellationToken cancellation)
    {
        var sent = metadata ?? [];
        try
        {
            var stream = await _connection.OpenAsync(RequestHeaders(path, sent), cancellation);
            return new GrpcCall(stream, sent, _connection.Options.MessageBytesMax);
        }
        catch (Http2Exception failure)
        {
            throw GrpcFailures.Of(failure);
        }
    }

    /// <summary>One request, one response.</summary>
    public async Task<TResponse> UnaryAsync<TResponse>(
        string path, IMessage request, MessageParser<TResponse> parser, CancellationToken cancellation, Metadata? metadata = null)
        where TResponse : class, IMessage<TResponse>
    {
        await using var call = await StartAsync(path, metadata, cancellation);
        await call.WriteLastMessageAsync(request, cancellation);
        var response = await call.ReadMessageAsync(parser, cancellation)
            ?? throw new GrpcStatusException(GrpcStatusCode.Internal, $"{path} ended well but without an answer.");

        // The status comes after the message, and an error there counts.
        using var more = await call.ReadAsync(cancellation);
        return more is null
            ? response
            : throw new GrpcStatusException(GrpcStatusCode.Internal, $"{path} gave more than one answer.");
    }

    /// <summary>Sends GOAWAY, ends every call, closes the stream.</summary>
    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private IEnumerable<HeaderField> RequestHeaders(string path, Metadata metadata)
    {
        yield return new HeaderField(":method", "POST");
        yield return new HeaderField(":scheme", _scheme);
        yield return new HeaderField(":path", path);
        yield return new HeaderField(":authority", Authority);
        yield return new HeaderField("content-type", "application/grpc");
        yield return new HeaderField("te", "trailers");
        yield return new HeaderField("user-agent", "buildkit-client-dotnet");
        yield return new HeaderField("grpc-accept-encoding", "identity,gzip");
        foreach (var entry in metadata)
        {
            yield return entry;
        }
    }
}
