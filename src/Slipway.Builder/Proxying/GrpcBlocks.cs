using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;

namespace Slipway.Builder.Proxying;

/// <summary>The gRPC that the relay speaks itself: response headers, trailers, message prefixes (grpc/grpc doc/PROTOCOL-HTTP2.md).</summary>
internal static class GrpcBlocks
{
    /// <summary>A flag byte and a big-endian length stand before every message.</summary>
    public const int PrefixLength = 5;

    public static byte[] ResponseHeaders() =>
        HeaderBlocks.Encode([new(":status", "200"), new("content-type", "application/grpc")]);

    /// <summary>The status of a call, alone (headers and trailers in one block) or after response headers.</summary>
    public static byte[] Status(GrpcStatusCode code, string message, bool alone)
    {
        var fields = new List<HeaderField>();
        if (alone)
        {
            fields.Add(new(":status", "200"));
            fields.Add(new("content-type", "application/grpc"));
        }

        fields.Add(new("grpc-status", ((int)code).ToString(CultureInfo.InvariantCulture)));
        if (message.Length > 0)
        {
            fields.Add(new("grpc-message", PercentEncode(message)));
        }

        return HeaderBlocks.Encode(fields);
    }

    public static byte[] Frame(ReadOnlySpan<byte> message)
    {
        var framed = new byte[PrefixLength + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), message.Length);
        message.CopyTo(framed.AsSpan(PrefixLength));
        return framed;
    }

    /// <summary>The length that a message's prefix announces; null while the prefix is not whole.</summary>
    public static uint? Announced(ReadOnlySpan<byte> body) =>
        body.Length < PrefixLength ? null : BinaryPrimitives.ReadUInt32BigEndian(body[1..]);

    /// <summary>Takes the one message out of a whole unary request.</summary>
    public static ReadOnlyMemory<byte> Unwrap(ReadOnlyMemory<byte> body, IReadOnlyList<HeaderField> headers, out Refusal? refusal)
    {
        refusal = null;
        if (Announced(body.Span) is not { } length || length != body.Length - PrefixLength)
        {
            refusal = new Refusal(GrpcStatusCode.Internal, "the request does not hold exactly one message");
            return default;
        }

        var message = body[PrefixLength..];
        if (body.Span[0] == 0)
        {
            return message;
        }

        var encoding = headers.FirstOrDefault(field => field.Name == "grpc-encoding").Value;
        if (encoding != "gzip")
        {
            refusal = new Refusal(GrpcStatusCode.Unimplemented, $"the builder does not know the message encoding {encoding}; use gzip or none");
            return default;
        }

        return Inflate(message, ref refusal);
    }

    /// <summary>The status that a block of trailers carries.</summary>
    public static (GrpcStatusCode Code, string Message) StatusOf(IReadOnlyList<HeaderField> trailers)
    {
        var code = GrpcStatusCode.Unknown;
        var message = "";
        foreach (var field in trailers)
        {
            if (field.Name == "grpc-status" && int.TryParse(field.Value, CultureInfo.InvariantCulture, out var number))
            {
                code = (GrpcStatusCode)number;
            }
            else if (field.Name == "grpc-message")
            {
                message = Uri.UnescapeDataString(field.Value);
            }
        }

        return (code, message);
    }

    private static ReadOnlyMemory<byte> Inflate(ReadOnlyMemory<byte> message, ref Refusal? refusal)
    {
        try
        {
            using var inflated = new MemoryStream();
            using var gzip = new GZipStream(new MemoryStream(message.ToArray()), CompressionMode.Decompress);
            var chunk = new byte[16384];
            while (gzip.Read(chunk) is > 0 and var count)
            {
                if (inflated.Length + count > RelayLimits.MessageBytesMax)
                {
                    refusal = new Refusal(GrpcStatusCode.ResourceExhausted, $"the message is over {RelayLimits.MessageBytesMax} bytes when unpacked");
                    return default;
                }

                inflated.Write(chunk, 0, count);
            }

            return inflated.ToArray();
        }
        catch (InvalidDataException)
        {
            refusal = new Refusal(GrpcStatusCode.Internal, "the message is not valid gzip");
            return default;
        }
    }

    private static string PercentEncode(string message)
    {
        var encoded = new StringBuilder(message.Length);
        foreach (var b in Encoding.UTF8.GetBytes(message))
        {
            if (b is >= 0x20 and <= 0x7e and not (byte)'%')
            {
                encoded.Append((char)b);
            }
            else
            {
                encoded.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
            }
        }

        return encoded.ToString();
    }
}
