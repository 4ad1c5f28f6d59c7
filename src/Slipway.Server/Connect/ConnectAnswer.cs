using System.Globalization;
using Microsoft.AspNetCore.Http.Features;
using Slipway.Contract.Connect;

namespace Slipway.Server.Connect;

/// <summary>Reads a gRPC answer's end, and writes a Connect error.</summary>
internal static class ConnectAnswer
{
    public static async Task FailAsync(HttpContext http, int status, ConnectCode code, string message)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        var body = ErrorBody.Unary(code, message);
        http.Response.ContentLength = body.Length;
        await http.Response.Body.WriteAsync(body, http.RequestAborted);
    }

    /// <summary>The status that the endpoint left in the trailers, or in the headers when it wrote no message.</summary>
    public static (ConnectCode? Code, string Message) ReadStatus(IHeaderDictionary trailers, IHeaderDictionary headers)
    {
        var from = trailers.ContainsKey("grpc-status") ? trailers : headers;
        var message = Uri.UnescapeDataString(from["grpc-message"].ToString());
        if (!int.TryParse(from["grpc-status"], NumberStyles.None, CultureInfo.InvariantCulture, out var status))
        {
            return (ConnectCode.Internal, "the call ended without a status");
        }

        return status switch
        {
            0 => (null, ""),
            > 0 and <= (int)ConnectCode.Unauthenticated => ((ConnectCode)status, message),
            _ => (ConnectCode.Unknown, message),
        };
    }

    /// <summary>Takes out what only gRPC clients understand.</summary>
    public static void RemoveGrpcHeaders(IHeaderDictionary headers)
    {
        foreach (var name in headers.Keys.Where(name => name.StartsWith("grpc-", StringComparison.OrdinalIgnoreCase)).ToList())
        {
            headers.Remove(name);
        }

        headers.Remove("trailer");
    }
}

/// <summary>At a deadline gRPC resets the stream (or, without this feature, aborts the connection); Connect still has its answer to write.</summary>
internal sealed class IgnoredReset : IHttpResetFeature
{
    public void Reset(int errorCode)
    {
    }
}

/// <summary>Catches trailers on their way out.</summary>
internal sealed class CaughtTrailers : IHttpResponseTrailersFeature
{
    public IHeaderDictionary Trailers { get; set; } = new HeaderDictionary();
}
