using Slipway.Contract.Connect;

namespace Slipway.Server.Connect;

/// <summary>Turns a Connect call into the gRPC call that the endpoint behind it knows, and the gRPC answer back into Connect.</summary>
/// <remarks>
/// Content types (connectrpc.com/docs/protocol):
/// <code>
/// application/proto            unary, the message is the body
/// application/json             unary, as protobuf's JSON
/// application/connect+proto    stream of envelopes; the last one has flag 2 and JSON
/// application/connect+json     the same with JSON messages
/// </code>
/// Anything else passes by untouched: native gRPC and plain HTTP.
/// </remarks>
internal sealed class ConnectMiddleware(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext http)
    {
        if (ConnectRequest.Recognize(http.Request) is not { } kind)
        {
            return next(http);
        }

        if (RpcMethods.Find(http.Request.Path.Value ?? "") is not { } method)
        {
            var unknown = $"this server has no method {http.Request.Path}";
            return ConnectAnswer.FailAsync(http, StatusCodes.Status404NotFound, ConnectCode.Unimplemented, unknown);
        }

        if (kind.IsStream != method.IsStream())
        {
            http.Response.Headers.Append("accept-post", method.IsStream()
                ? "application/connect+proto, application/connect+json"
                : "application/proto, application/json");
            http.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
            return Task.CompletedTask;
        }

        if (http.Request.Headers["connect-protocol-version"] is [{ } version] && version != "1")
        {
            var unknown = $"Connect protocol version \"{version}\" is not known; this server speaks version 1";
            return ConnectAnswer.FailAsync(http, StatusCodes.Status400BadRequest, ConnectCode.InvalidArgument, unknown);
        }

        return kind.IsStream
            ? new ConnectStreamCall(http, method, kind).RunAsync(next)
            : new ConnectUnaryCall(http, method, kind).RunAsync(next);
    }
}
