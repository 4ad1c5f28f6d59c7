using System.Globalization;
using System.Text.Json;
using Slipway.Contract.Tokens;

namespace Depot.Cli.ControlPlane;

/// <summary>What can be told of a token without asking the server: whether it is whole, and when an OIDC token ends.</summary>
internal static class TokenShape
{
    private const int SegmentsOfJwt = 3;

    /// <summary>What is wrong with a token on its face; null when nothing is.</summary>
    /// <remarks>Such a token would only come back as unknown, or break the request.</remarks>
    public static string? FaultOf(string token)
    {
        if (token.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
        {
            return "it begins with \"Bearer\", which is no part of it";
        }

        if (token.AsSpan().IndexOfAnyExceptInRange('!', '~') >= 0)
        {
            return "it holds a space, a line end or another character that no token has";
        }

        if (token is ['"' or '\'', .., '"' or '\''])
        {
            return "it stands in quotation marks, which are no part of it";
        }

        return TokenText.Resembles(token) && !TokenText.TryParse(token, out _)
            ? string.Create(CultureInfo.InvariantCulture, $"its checksum does not fit ({token.Length} of {TokenText.Length} characters): was a part of it lost when it was copied?")
            : null;
    }

    /// <summary>When a JWT begins and ends to be valid, as it says itself; null for any other token.</summary>
    public static (DateTimeOffset? From, DateTimeOffset Until)? LifetimeOf(string token)
    {
        var segments = token.Split('.');
        if (segments.Length != SegmentsOfJwt || Decode(segments[1]) is not { } payload)
        {
            return null;
        }

        try
        {
            using var claims = JsonDocument.Parse(payload);
            return Time(claims.RootElement, "exp") is { } until ? (Time(claims.RootElement, "nbf") ?? Time(claims.RootElement, "iat"), until) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static DateTimeOffset? Time(JsonElement claims, string name) =>
        claims.ValueKind == JsonValueKind.Object && claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
            && value.TryGetInt64(out var seconds) && seconds is > 0 and < 253402300800 ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null;

    private static byte[]? Decode(string base64Url)
    {
        var bytes = new byte[base64Url.Length];
        return System.Buffers.Text.Base64Url.TryDecodeFromChars(base64Url, bytes, out var length) ? bytes[..length] : null;
    }
}
