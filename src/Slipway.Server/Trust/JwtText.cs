using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using System.Text.Unicode;
using Slipway.Contract.Tokens;

namespace Slipway.Server.Trust;

/// <summary>A CI provider's token, taken apart strictly: one text, one meaning. Nothing in it is believed yet.</summary>
/// <remarks>
/// RFC 7515, compact serialization. Stricter than the RFC where leniency has been used to smuggle: base64url must be canonical, no
/// name may come twice in an object (RFC 7519 section 4 allows taking the last), and of the header only "alg", "kid" and "typ" count.
/// </remarks>
internal sealed class JwtText
{
    private const int LengthMax = 16 * 1024;

    // RFC 7515 section 4.1: keys that a token brings along, and extensions that nobody here understands.
    private static readonly string[] ForbiddenHeaders = ["crit", "jwk", "jku", "x5c", "x5u", "x5t", "x5t#S256", "zip", "enc", "cty", "b64"];

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };
    private readonly JsonElement _header;
    private readonly JsonElement _claims;

    // One relationship after the other asks for the same few.
    private readonly Dictionary<string, string?> _read = new(StringComparer.Ordinal);

    private JwtText(string text, JsonElement header, JsonElement claims)
    {
        Text = text;
        _header = header;
        _claims = claims;
    }

    /// <summary>The secret itself: for the signature's check alone.</summary>
    public string Text { get; }

    /// <summary>What was signed, and with which signature (RFC 7515 section 5.2).</summary>
    public (string Signed, byte[] Signature) SignedParts
    {
        get
        {
            var dot = Text.LastIndexOf('.');
            return (Text[..dot], Base64Url.DecodeFromChars(Text.AsSpan(dot + 1)));
        }
    }

    /// <summary>What stands for the token where it must not.</summary>
    public string Hash => TokenText.Hash(Text);

    public string Algorithm => Header("alg") ?? "";

    public string KeyId => Header("kid") ?? "";

    public string Issuer => Claim("iss") ?? "";

    /// <summary>One string or several; empty when there is none or it is malformed.</summary>
    public IReadOnlyList<string> Audiences => !_claims.TryGetProperty("aud", out var audience) ? []
        : audience.ValueKind == JsonValueKind.String ? [audience.GetString()!]
        : audience.ValueKind == JsonValueKind.Array && audience.EnumerateArray().All(one => one.ValueKind == JsonValueKind.String)
            ? [.. audience.EnumerateArray().Select(one => one.GetString()!)] : [];

    public bool HasPlainHeader =>
        !_header.EnumerateObject().Any(header => ForbiddenHeaders.Contains(header.Name, StringComparer.Ordinal))
        && (!_header.TryGetProperty("typ", out var type) || (type.ValueKind == JsonValueKind.String && type.GetString() is "JWT"));

    /// <summary>Whether a bearer's text has a JWT's outline at all, rather than a Slipway token's.</summary>
    public static bool Resembles(string text) => text.StartsWith("ey", StringComparison.Ordinal) && text.Contains('.', StringComparison.Ordinal);

    public static JwtText? TryParse(string text)
    {
        if (text.Length > LengthMax || text.Split('.') is not [var header, var claims, { Length: > 0 } signature]
            || Decode(header) is not { } headerBytes || Decode(claims) is not { } claimBytes || Decode(signature) is null)
        {
            return null;
        }

        try
        {
            var token = new JwtText(text, Parse(headerBytes), Parse(claimBytes));
            return token._header.ValueKind == JsonValueKind.Object && token._claims.ValueKind == JsonValueKind.Object ? token : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>A claim as text: strings as they are, numbers and booleans as JSON writes them; objects, arrays and null are no text.</summary>
    public string? Claim(string name)
    {
        if (!_read.TryGetValue(name, out var text))
        {
            _read[name] = text = ReadClaim(name);
        }

        return text;
    }

    /// <summary>A NumericDate in Unix milliseconds (RFC 7519 section 2: seconds, maybe with a fraction).</summary>
    public long? Time(string name) =>
        _claims.TryGetProperty(name, out var time) && time.ValueKind == JsonValueKind.Number && time.TryGetDouble(out var seconds)
        && seconds is > 0 and < 100_000_000_000 ? (long)(seconds * 1000) : null;

    private string? ReadClaim(string name) => !_claims.TryGetProperty(name, out var claim) ? null : claim.ValueKind switch
    {
        JsonValueKind.String => claim.GetString(),
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => claim.GetRawText(),
        _ => null,
    };

    private string? Header(string name) =>
        _header.TryGetProperty(name, out var header) && header.ValueKind == JsonValueKind.String ? header.GetString() : null;

    private static JsonElement Parse(byte[] json)
    {
        RefuseBrokenText(json);

        // A copy of its own, so that the document's pooled memory is given back.
        using var document = JsonDocument.Parse(json, Strict);
        return document.RootElement.Clone();
    }

    // The reader looks at a text when it is asked for it, and throws then: half a surrogate pair, bytes that are no UTF-8.
    private static void RefuseBrokenText(byte[] json)
    {
        if (!Utf8.IsValid(json))
        {
            throw new JsonException("not UTF-8");
        }

        if (json.AsSpan().IndexOf("\\u"u8) < 0)
        {
            return;
        }

        var reader = new Utf8JsonReader(json);
        try
        {
            while (reader.Read())
            {
                _ = reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.String ? reader.GetString() : null;
            }
        }
        catch (InvalidOperationException broken)
        {
            throw new JsonException("half a surrogate pair", broken);
        }
    }

    // Decoders forgive padding, white space and stray low bits; then two texts would be one token.
    private static byte[]? Decode(string part)
    {
        var bytes = new byte[Base64Url.GetMaxDecodedLength(part.Length)];
        return Base64Url.DecodeFromChars(part, bytes, out _, out var written) == OperationStatus.Done
            && Base64Url.EncodeToString(bytes.AsSpan(0, written)) == part
            ? bytes[..written] : null;
    }
}
