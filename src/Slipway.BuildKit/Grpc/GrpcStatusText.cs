using System.Globalization;
using System.Text;
using Slipway.BuildKit.Http2;

namespace Slipway.BuildKit.Grpc;

/// <summary>A call's status as header fields: <c>grpc-status</c>, <c>grpc-message</c>, <c>grpc-status-details-bin</c>.</summary>
internal static class GrpcStatusText
{
    private const string StatusName = "grpc-status";
    private const string MessageName = "grpc-message";
    private const string DetailsName = "grpc-status-details-bin";

    /// <summary>The fields of a status, without those that are empty.</summary>
    public static IEnumerable<HeaderField> Write(GrpcStatusCode code, string message, byte[]? details)
    {
        yield return new HeaderField(StatusName, ((int)code).ToString(CultureInfo.InvariantCulture));
        if (message.Length > 0)
        {
            yield return new HeaderField(MessageName, Escape(message));
        }

        if (details is { Length: > 0 })
        {
            // Without padding, as the gRPC protocol asks of senders.
            yield return new HeaderField(DetailsName, Convert.ToBase64String(details).TrimEnd('='));
        }
    }

    /// <summary>What a finished call's trailers say: null for OK.</summary>
    /// <param name="httpStatus">The response's <c>:status</c>, which counts when there is no <c>grpc-status</c>.</param>
    public static GrpcStatusException? Read(Metadata trailers, string? httpStatus)
    {
        var text = trailers.First(StatusName);
        if (text is null)
        {
            return httpStatus is null or "200"
                ? new GrpcStatusException(GrpcStatusCode.Internal, "The peer ended the call without a status.")
                : OfHttp(httpStatus);
        }

        // A code this side does not know is Unknown (grpc/grpc doc/statuscodes.md).
        var known = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= (int)GrpcStatusCode.Unauthenticated;
        var code = known ? (GrpcStatusCode)number : GrpcStatusCode.Unknown;
        return code == GrpcStatusCode.Ok
            ? null
            : new GrpcStatusException(code, Unescape(trailers.First(MessageName) ?? ""), Details(trailers.First(DetailsName))) { FromPeer = true };
    }

    /// <summary>What an HTTP status means when something on the way answered that is not gRPC (doc/http-grpc-status-mapping.md).</summary>
    public static GrpcStatusException OfHttp(string httpStatus)
    {
        var code = httpStatus switch
        {
            "400" => GrpcStatusCode.Internal,
            "401" => GrpcStatusCode.Unauthenticated,
            "403" => GrpcStatusCode.PermissionDenied,
            "404" => GrpcStatusCode.Unimplemented,
            "429" or "502" or "503" or "504" => GrpcStatusCode.Unavailable,
            _ => GrpcStatusCode.Unknown,
        };
        return new GrpcStatusException(code, $"The peer answered with HTTP status {httpStatus} instead of gRPC.");
    }

    /// <summary>Percent-encodes the message's UTF-8 outside of printable ASCII, and the percent sign.</summary>
    internal static string Escape(string message)
    {
        if (message.All(character => character is >= ' ' and <= '~' and not '%'))
        {
            return message;
        }

        var escaped = new StringBuilder();
        foreach (var value in Encoding.UTF8.GetBytes(message))
        {
            if (value is >= (byte)' ' and <= (byte)'~' and not (byte)'%')
            {
                escaped.Append((char)value);
            }
            else
            {
                escaped.Append(CultureInfo.InvariantCulture, $"%{value:X2}");
            }
        }

        return escaped.ToString();
    }

    /// <summary>Undoes <see cref="Escape"/>; what is no valid escape stays as it is, because a message must never be lost.</summary>
    internal static string Unescape(string escaped)
    {
        if (!escaped.Contains('%', StringComparison.Ordinal))
        {
            return escaped;
        }

        var bytes = new byte[escaped.Length];
        var count = 0;
        for (var i = 0; i < escaped.Length; i++)
        {
            if (escaped[i] == '%' && i + 2 < escaped.Length &&
                byte.TryParse(escaped.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            {
                bytes[count++] = value;
                i += 2;
            }
            else
            {
                bytes[count++] = (byte)escaped[i];
            }
        }

        return Encoding.UTF8.GetString(bytes, 0, count);
    }

    /// <summary>Base64 with or without padding; several values joined by a comma are one too many, and the first counts.</summary>
    private static byte[]? Details(string? text)
    {
        if (text is null)
        {
            return null;
        }

        var value = text.Split(',')[0].TrimEnd('=');
        value = value.PadRight((value.Length + 3) / 4 * 4, '=');
        var bytes = new byte[value.Length];
        return Convert.TryFromBase64String(value, bytes, out var length) ? bytes[..length] : null;
    }
}
