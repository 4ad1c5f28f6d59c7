using System.Runtime.CompilerServices;
using Slipway.BuildKit.Compression;
using Slipway.BuildKit.Http2;

namespace Slipway.BuildKit.Grpc;

/// <summary>One call being served.</summary>
public sealed class GrpcServerCall : IGrpcStream
{
    private readonly Http2Stream _stream;
    private readonly GrpcMessageReader _reader;
    private readonly GrpcMessageWriter _writer;
    private readonly bool _compresses;
    private readonly Lock _gate = new();
    private Task? _headersSent;

    internal GrpcServerCall(Http2Stream stream, IReadOnlyList<HeaderField> request, int messageBytesMax, MessageCompression? compression = null)
    {
        _stream = stream;
        RequestHeaders = new Metadata(request.Where(field => !field.Name.StartsWith(':')));
        Path = new Metadata(request).First(":path")!;
        _reader = new GrpcMessageReader(stream, messageBytesMax) { Encoding = RequestHeaders.First("grpc-encoding") };
        _compresses = compression is not null && MessageCompression.IsAccepted(RequestHeaders);
        _writer = new GrpcMessageWriter(stream, _compresses ? compression : null);
    }

    /// <summary>The request's headers without the pseudo-headers.</summary>
    public Metadata RequestHeaders { get; }

    /// <summary>The method: <c>/package.Service/Method</c>.</summary>
    public string Path { get; }

    /// <summary>Sent before the first message; to be filled before the first write.</summary>
    public Metadata ResponseHeaders { get; } = [];

    /// <summary>Sent with the status at the end of the call.</summary>
    public Metadata Trailers { get; } = [];

    internal bool IsGrpc => RequestHeaders.First("content-type")?.StartsWith("application/grpc", StringComparison.Ordinal) == true;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<GrpcMessage?> ReadAsync(CancellationToken cancellation)
    {
        try
        {
            return await _reader.ReadAsync(cancellation);
        }
        catch (Http2Exception failure)
        {
            throw GrpcFailures.Of(failure);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> body, CancellationToken cancellation)
    {
        try
        {
            await SendHeadersAsync(cancellation);
            await _writer.WriteAsync(head, body, last: false, cancellation);
        }
        catch (Http2Exception failure)
        {
            throw GrpcFailures.Of(failure);
        }
    }

    public async ValueTask WriteFramedAsync(ReadOnlyMemory<byte> messages, CancellationToken cancellation)
    {
        try
        {
            await SendHeadersAsync(cancellation);
            await _writer.WriteFramedAsync(messages, cancellation);
        }
        catch (Http2Exception failure)
        {
            throw GrpcFailures.Of(failure);
        }
    }

    /// <summary>Sends the response's headers before there is a message: the peer may wait for them.</summary>
    public Task SendHeadersAsync(CancellationToken cancellation)
    {
        lock (_gate)
        {
            return _headersSent ??= _stream.SendHeadersAsync(Opening(), endStream: false, cancellation).AsTask();
        }
    }

    /// <summary>Sends the status; everything in one header block when nothing was sent before.</summary>
    internal async Task EndAsync(GrpcStatusException? status)
    {
        var trailers = GrpcStatusText.Write(status?.Code ?? GrpcStatusCode.Ok, status?.Message ?? "", status?.Details).Concat(Trailers);
        try
        {
            if (_headersSent is null or { IsFaulted: true } or { IsCanceled: true })
            {
                await _stream.SendHeadersAsync(Opening().Concat(trailers), endStream: true, CancellationToken.None);
                return;
            }

            await _stream.SendHeadersAsync(trailers, endStream: true, CancellationToken.None);
        }
        catch (Http2Exception)
        {
            // The caller is gone, and with it the interest in how the call ended.
        }
    }

    private IEnumerable<HeaderField> Opening() =>
        new[] { new HeaderField(":status", "200"), new HeaderField("content-type", "application/grpc") }
            .Concat(_compresses ? [new HeaderField("grpc-encoding", MessageCompression.Encoding)] : [])
            .Concat(ResponseHeaders);
}
