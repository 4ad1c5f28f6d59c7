using System.Runtime.CompilerServices;
using Slipway.BuildKit.Http2;

namespace Slipway.BuildKit.Grpc;

/// <summary>One call, from the calling side.</summary>
public sealed class GrpcCall : IGrpcStream, IAsyncDisposable
{
    private readonly Http2Stream _stream;
    private readonly GrpcMessageReader _reader;
    private readonly GrpcMessageWriter _writer;
    private Task<Metadata>? _responseHeaders;
    private bool _responded;

    internal GrpcCall(Http2Stream stream, Metadata requestHeaders, int messageBytesMax)
    {
        _stream = stream;
        _reader = new GrpcMessageReader(stream, messageBytesMax);
        _writer = new GrpcMessageWriter(stream);
        RequestHeaders = requestHeaders;
    }

    public Metadata RequestHeaders { get; }

    /// <summary>The peer's initial metadata, once its headers have arrived; empty for a call that ended at once.</summary>
    public Task<Metadata> ResponseHeaders => _responseHeaders ??= AwaitHeadersAsync();

    /// <summary>The peer's trailing metadata; empty until the call has ended.</summary>
    public Metadata Trailers => _stream.Trailers is { } trailers ? MetadataOf(trailers) : [];

    /// <remarks>The end of the call counts only after every message has been read: an error that follows messages is not lost.</remarks>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<GrpcMessage?> ReadAsync(CancellationToken cancellation)
    {
        try
        {
            if (!_responded)
            {
                Judge(await _stream.Headers.WaitAsync(cancellation));
                _responded = true;
            }

            if (await _reader.ReadAsync(cancellation) is { } message)
            {
                return message;
            }
        }
        catch (Http2Exception failure)
        {
            throw GrpcFailures.Of(failure);
        }

        return Status() is { } status ? throw status : null;
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> body, CancellationToken cancellation) =>
        WriteAsync(head, body, last: false, cancellation);

    /// <summary>Sends one message; the last one also half-closes, which saves a frame.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> body, bool last, CancellationToken cancellation)
    {
        try
        {
            await _writer.WriteAsync(head, body, last, cancellation);
        }
        catch (Http2Exception failure)
        {
            throw Explained(failure);
        }
    }

    public async ValueTask WriteFramedAsync(ReadOnlyMemory<byte> messages, CancellationToken cancellation)
    {
        try
        {
            await _writer.WriteFramedAsync(messages, cancellation);
        }
        catch (Http2Exception failure)
        {
            throw Explained(failure);
        }
    }

    /// <summary>Half-closes: no more messages from this side.</summary>
    public async ValueTask CompleteWritesAsync(CancellationToken cancellation)
    {
        try
        {
            await _stream.SendDataAsync(default, default, default, endStream: true, cancellation);
        }
        catch (Http2Exception) when (_stream.Ended)
        {
            // The peer needs no more. How the call went is for the reader to learn.
        }
        catch (Http2Exception failure)
        {
            throw GrpcFailures.Of(failure);
        }
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    /// <summary>A write fails when the peer has ended the call: its status then says more than the broken write.</summary>
    private GrpcStatusException Explained(Http2Exception failure) => (_stream.Ended ? Status() : null) ?? GrpcFailures.Of(failure);

    private GrpcStatusException? Status() => GrpcStatusText.Read(
        Trailers, _stream.Headers is { IsCompletedSuccessfully: true, Result: var headers } ? HttpStatus(headers) : null);

    /// <summary>Refuses an answer that is not gRPC before its body is taken for messages.</summary>
    private void Judge(IReadOnlyList<HeaderField> headers)
    {
        var received = MetadataOf(headers);
        if (received.First("grpc-status") is not null)
        {
            // Trailers only: the status says it all.
            return;
        }

        var status = HttpStatus(headers) ?? "missing";
        var type = received.First("content-type");
        if (status != "200" || type?.StartsWith("application/grpc", StringComparison.Ordinal) != true)
        {
            _stream.Reset(Http2ErrorCode.Cancel, "The answer is not gRPC.");
            throw status != "200"
                ? GrpcStatusText.OfHttp(status)
                : new GrpcStatusException(GrpcStatusCode.Unknown, $"The peer answered with content type '{type}' instead of gRPC.");
        }

        _reader.Encoding = received.First("grpc-encoding");
    }

    private async Task<Metadata> AwaitHeadersAsync()
    {
        try
        {
            var headers = await _stream.Headers;
            return _stream.Trailers == headers ? [] : MetadataOf(headers);
        }
        catch (Http2Exception failure)
        {
            throw GrpcFailures.Of(failure);
        }
    }

    private static string? HttpStatus(IReadOnlyList<HeaderField> headers) => new Metadata(headers).First(":status");

    private static Metadata MetadataOf(IReadOnlyList<HeaderField> headers) => new(headers.Where(header => !header.Name.StartsWith(':')));
}
