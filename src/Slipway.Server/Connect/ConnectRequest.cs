using System.Globalization;

namespace Slipway.Server.Connect;

/// <summary>What a request's headers say of a Connect call.</summary>
internal sealed record ConnectRequest(bool IsStream, bool IsJson)
{
    // The protocol allows ten digits; so many milliseconds are 115 days.
    private const int TimeoutDigitsMax = 10;

    public string ContentType => (IsStream, IsJson) switch
    {
        (false, false) => "application/proto",
        (false, true) => "application/json",
        (true, false) => "application/connect+proto",
        (true, true) => "application/connect+json",
    };

    public static ConnectRequest? Recognize(HttpRequest request)
    {
        if (!HttpMethods.IsPost(request.Method) || request.ContentType is not { } type)
        {
            return null;
        }

        var semicolon = type.IndexOf(';', StringComparison.Ordinal);
        var media = (semicolon < 0 ? type : type[..semicolon]).Trim().ToLowerInvariant();
        return media switch
        {
            "application/proto" => new ConnectRequest(false, false),
            "application/json" => new ConnectRequest(false, true),
            "application/connect+proto" => new ConnectRequest(true, false),
            "application/connect+json" => new ConnectRequest(true, true),
            _ => null,
        };
    }

    /// <summary>Makes the request look like gRPC over HTTP/2, whatever it came over: the endpoint refuses anything else.</summary>
    public static void DisguiseAsGrpc(HttpContext http)
    {
        var request = http.Request;
        request.Protocol = HttpProtocol.Http2;
        request.ContentType = "application/grpc";
        request.ContentLength = null;
        request.Headers.Remove("content-encoding");
        request.Headers.Remove("grpc-encoding");
        request.Headers.Remove("grpc-timeout");
        request.Headers["grpc-accept-encoding"] = "identity";
        request.Headers.TE = "trailers";
        if (request.Headers["connect-timeout-ms"] is [{ Length: > 0 and <= TimeoutDigitsMax } text]
            && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds))
        {
            // gRPC allows eight digits.
            request.Headers["grpc-timeout"] = milliseconds < 100_000_000
                ? FormattableString.Invariant($"{milliseconds}m")
                : FormattableString.Invariant($"{Math.Min(milliseconds / 1000, 99_999_999)}S");
        }
    }
}
