using System.IO.Pipelines;
using Google.Protobuf.Reflection;
using Microsoft.AspNetCore.Http.Features;
using Slipway.Contract.Connect;

namespace Slipway.Server.Connect;

/// <summary>One streaming Connect call. Its envelopes are gRPC's frames; only the end differs, and the messages when they are JSON.</summary>
internal sealed class ConnectStreamCall(HttpContext http, MethodDescriptor method, ConnectRequest kind)
{
    public async Task RunAsync(RequestDelegate next)
    {
        var original = http.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        var trailers = new CaughtTrailers();
        var encoding = http.Request.Headers["connect-content-encoding"].ToString();
        ConnectRequest.DisguiseAsGrpc(http);
        if (encoding is "gzip")
        {
            http.Request.Headers["grpc-encoding"] = encoding;
        }

        if (kind.IsJson)
        {
            http.Request.Body = new JsonToProtoFrames(http.Request.Body, method.InputType);
        }

        http.Features.Set<IHttpResponseTrailersFeature>(trailers);
        http.Features.Set<IHttpResetFeature>(new IgnoredReset());
        http.Response.OnStarting(() => BeforeHeaders(trailers.Trailers));
        try
        {
            var body = new OpenEndedBody(original, kind.IsJson ? method.OutputType : null);
            http.Features.Set<IHttpResponseBodyFeature>(body);
            await next(http);
            await body.CompleteAsync();
        }
        finally
        {
            http.Features.Set(original);
        }

        await EndAsync(trailers);
    }

    // Runs when the first byte leaves: what the endpoint has set by then is gRPC's.
    private Task BeforeHeaders(IHeaderDictionary trailers)
    {
        // A call that wrote no message has its status among the headers.
        foreach (var name in new[] { "grpc-status", "grpc-message" })
        {
            if (http.Response.Headers.TryGetValue(name, out var value))
            {
                trailers[name] = value;
            }
        }

        ConnectAnswer.RemoveGrpcHeaders(http.Response.Headers);
        http.Response.StatusCode = StatusCodes.Status200OK;
        http.Response.ContentType = kind.ContentType;
        return Task.CompletedTask;
    }

    private async Task EndAsync(CaughtTrailers trailers)
    {
        var (code, message) = ConnectAnswer.ReadStatus(trailers.Trailers, http.Response.Headers);
        await http.Response.Body.WriteAsync(
            Envelope.Frame(Envelope.EndOfStream, ErrorBody.EndOfStream(code, message)), http.RequestAborted);
    }

    /// <summary>A response body that gRPC cannot finish, because the last envelope is still to come.</summary>
    private sealed class OpenEndedBody : IHttpResponseBodyFeature
    {
        private readonly IHttpResponseBodyFeature _inner;

        public OpenEndedBody(IHttpResponseBodyFeature inner, MessageDescriptor? asJson)
        {
            _inner = inner;
            Stream = asJson is null ? inner.Stream : new ProtoFramesToJson(inner.Stream, asJson);
            Writer = asJson is null ? inner.Writer : PipeWriter.Create(Stream, new StreamPipeWriterOptions(leaveOpen: true));
        }

        public Stream Stream { get; }

        public PipeWriter Writer { get; }

        public void DisableBuffering() => _inner.DisableBuffering();

        public Task StartAsync(CancellationToken cancellationToken = default) => _inner.StartAsync(cancellationToken);

        public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public async Task CompleteAsync() => await Writer.FlushAsync();
    }
}
