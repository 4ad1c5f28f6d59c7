using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Slipway.Contract.Connect;

/// <summary>The JSON form of a Connect error: <c>{"code","message"}</c>, alone in a unary answer, under <c>error</c> at a stream's end.</summary>
public static class ErrorBody
{
    // Quotation marks stay readable: this is never put into a page.
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The body of a failed unary call.</summary>
    public static byte[] Unary(ConnectCode code, string message) => Write(json => WriteError(json, code, message));

    /// <summary>The payload of a stream's last envelope; no code means that the stream ended well.</summary>
    public static byte[] EndOfStream(ConnectCode? code, string message) => Write(json =>
    {
        json.WriteStartObject();
        if (code is { } failed)
        {
            json.WritePropertyName("error");
            WriteError(json, failed, message);
        }

        json.WriteEndObject();
    });

    /// <summary>Reads either form; null when the text is no Connect error.</summary>
    public static ApiException? Read(ReadOnlySpan<byte> body)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            using var document = JsonDocument.ParseValue(ref reader);
            var root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("error", out var nested))
            {
                root = nested;
            }

            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("code", out var code))
            {
                return null;
            }

            var message = root.TryGetProperty("message", out var text) ? text.GetString() ?? "" : "";
            return new ApiException(ConnectCodes.Parse(code.GetString()), message);
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static void WriteError(Utf8JsonWriter json, ConnectCode code, string message)
    {
        json.WriteStartObject();
        json.WriteString("code", code.Name());
        json.WriteString("message", message);
        json.WriteEndObject();
    }

    private static byte[] Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer, Readable))
        {
            write(json);
        }

        return buffer.WrittenSpan.ToArray();
    }
}
