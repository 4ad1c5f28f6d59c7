using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.IdentityModel.Tokens;

namespace Slipway.Tests.Server.Support;

/// <summary>Tokens that must open nothing, each with what is wrong with it.</summary>
internal static class ForgedTokens
{
    public static IEnumerable<(string Name, string Token)> All(FakeIssuer issuer, FakeIssuer other, RSA stranger, Func<JsonObject> claims)
    {
        var good = issuer.Sign(claims());
        var parts = good.Split('.');

        // The algorithm.
        yield return ("alg none", $"{Encode("{\"alg\":\"none\",\"kid\":\"one\"}")}.{parts[1]}.AA");
        yield return ("alg none, no signature", $"{Encode("{\"alg\":\"none\",\"kid\":\"one\"}")}.{parts[1]}.");
        yield return ("alg None", $"{Encode("{\"alg\":\"None\",\"kid\":\"one\"}")}.{parts[1]}.AA");
        yield return ("HS256 with the public key", Hmac(issuer.Key.ExportSubjectPublicKeyInfoPem(), parts[1], "HS256"));
        yield return ("HS256 with the published modulus", Hmac(issuer.Jwks(), parts[1], "HS256"));
        yield return ("HS256 with nothing", Hmac("", parts[1], "HS256"));
        yield return ("RS512 of the right key", Signed(issuer.Key, "{\"alg\":\"RS512\",\"kid\":\"one\"}", parts[1], HashAlgorithmName.SHA512));
        yield return ("PS256 of the right key", Signed(issuer.Key, "{\"alg\":\"PS256\",\"kid\":\"one\"}", parts[1], HashAlgorithmName.SHA256, pss: true));
        yield return ("rs256 in lower case", issuer.Sign("{\"alg\":\"rs256\",\"kid\":\"one\"}", claims().ToJsonString()));
        yield return ("ES256 named for an RSA key", issuer.Sign("{\"alg\":\"ES256\",\"kid\":\"one\"}", claims().ToJsonString()));
        yield return ("no alg", issuer.Sign("{\"kid\":\"one\"}", claims().ToJsonString()));

        // The key.
        yield return ("somebody else's key under the right name", Signed(stranger, "{\"alg\":\"RS256\",\"kid\":\"one\"}", parts[1]));
        yield return ("an unknown key", Signed(stranger, "{\"alg\":\"RS256\",\"kid\":\"mine\"}", parts[1]));
        yield return ("no kid", issuer.Sign("{\"alg\":\"RS256\"}", claims().ToJsonString()));
        yield return ("a kid that is a path", Signed(stranger, "{\"alg\":\"RS256\",\"kid\":\"../../../dev/null\"}", parts[1]));
        yield return ("a kid that is SQL", Signed(stranger, "{\"alg\":\"RS256\",\"kid\":\"' OR 1=1 --\"}", parts[1]));
        yield return ("a kid that is a URL", Signed(stranger, $"{{\"alg\":\"RS256\",\"kid\":\"{other.Url}\"}}", parts[1]));
        yield return ("its own key along: jwk", Signed(stranger, $"{{\"alg\":\"RS256\",\"kid\":\"one\",\"jwk\":{Jwk(stranger)}}}", parts[1]));
        yield return ("its own key set along: jku", issuer.Sign($"{{\"alg\":\"RS256\",\"kid\":\"one\",\"jku\":\"{other.Url}/jwks\"}}", claims().ToJsonString()));
        yield return ("x5u", issuer.Sign($"{{\"alg\":\"RS256\",\"kid\":\"one\",\"x5u\":\"{other.Url}/x\"}}", claims().ToJsonString()));
        yield return ("x5c", issuer.Sign("{\"alg\":\"RS256\",\"kid\":\"one\",\"x5c\":[\"AA==\"]}", claims().ToJsonString()));
        yield return ("crit", issuer.Sign("{\"alg\":\"RS256\",\"kid\":\"one\",\"crit\":[\"exp\"]}", claims().ToJsonString()));
        yield return ("zip", issuer.Sign("{\"alg\":\"RS256\",\"kid\":\"one\",\"zip\":\"DEF\"}", claims().ToJsonString()));
        yield return ("b64 false", issuer.Sign("{\"alg\":\"RS256\",\"kid\":\"one\",\"b64\":false}", claims().ToJsonString()));
        yield return ("another type", issuer.Sign("{\"alg\":\"RS256\",\"kid\":\"one\",\"typ\":\"secevent+jwt\"}", claims().ToJsonString()));
        yield return ("encrypted", $"{Encode("{\"alg\":\"RSA-OAEP\",\"enc\":\"A256GCM\"}")}.AA.AA.AA.AA");

        // The text.
        yield return ("a claim twice", issuer.Sign("{\"alg\":\"RS256\",\"kid\":\"one\"}", Twice(claims())));
        yield return ("alg twice", issuer.Sign("{\"alg\":\"RS256\",\"alg\":\"none\",\"kid\":\"one\"}", claims().ToJsonString()));
        yield return ("a claim with half a surrogate pair", issuer.Sign("{\"alg\":\"RS256\",\"kid\":\"one\"}", claims().ToJsonString().Insert(1, "\"x\":\"\\ud800\",")));
        yield return ("an issuer with half a surrogate pair", issuer.Sign("{\"alg\":\"RS256\",\"kid\":\"one\"}", "{\"iss\":\"\\udc00\"}"));
        yield return ("a header that is not UTF-8", $"{Base64UrlEncoder.Encode([(byte)'{', (byte)'"', 0xB4, (byte)'"', .. ":1,\"alg\":\"RS256\",\"kid\":\"one\"}"u8])}.{parts[1]}.{parts[2]}");
        yield return ("a changed claim", $"{parts[0]}.{Encode(claims().ToJsonString().Replace("\"main\"", "\"prod\"", StringComparison.Ordinal))}.{parts[2]}");
        yield return ("a signature with padding", good + "=");
        yield return ("a signature with other low bits", good[..^1] + Next(good[^1]));
        yield return ("the base64 of the wrong alphabet", good.Replace('_', '/').Replace('-', '+') + "+");
        yield return ("a space inside", good.Insert(good.Length / 2, " "));
        yield return ("a fourth part", good + ".AA");
        yield return ("two parts", $"{parts[0]}.{parts[1]}");
        yield return ("claims that are an array", issuer.Sign("{\"alg\":\"RS256\",\"kid\":\"one\"}", "[]"));
        yield return ("too long", issuer.Sign(With(claims(), "x", new string('x', 16_384))));

        // The issuer.
        yield return ("another issuer", other.Sign(other.Buildkite(claims()["aud"]!.GetValue<string>(), DateTimeOffset.UtcNow)));
        yield return ("another issuer in this one's name", Signed(other.Key, "{\"alg\":\"RS256\",\"kid\":\"one\"}", parts[1]));
        foreach (var mutated in new[] { issuer.Url + "/", issuer.Url.ToUpperInvariant(), issuer.Url + "/evil", issuer.Url + "#", " " + issuer.Url, issuer.Url + "@evil.example", "" })
        {
            yield return ($"the issuer as \"{mutated}\"", issuer.Sign(With(claims(), "iss", mutated)));
        }

        yield return ("no issuer", issuer.Sign(Without(claims(), "iss")));
        yield return ("the issuer in an array", issuer.Sign(With(claims(), "iss", new JsonArray(issuer.Url))));

        // The time.
        var now = claims()["iat"]!.GetValue<long>();
        yield return ("expired", issuer.Sign(With(With(claims(), "iat", now - 400), "exp", now - 61)));
        yield return ("from the future", issuer.Sign(With(With(claims(), "iat", now + 200), "exp", now + 400)));
        yield return ("not yet", issuer.Sign(With(claims(), "nbf", now + 200)));
        yield return ("too long a life", issuer.Sign(With(claims(), "exp", now + 86_400)));
        yield return ("no end", issuer.Sign(Without(claims(), "exp")));
        yield return ("an end in words", issuer.Sign(With(claims(), "exp", "never")));
        yield return ("no beginning", issuer.Sign(Without(claims(), "iat")));

        // The audience.
        var self = claims()["aud"]!.GetValue<string>();
        yield return ("no audience", issuer.Sign(Without(claims(), "aud")));
        yield return ("another audience", issuer.Sign(With(claims(), "aud", "https://other.example.com")));
        yield return ("Depot's audience", issuer.Sign(With(claims(), "aud", "https://depot.dev")));
        yield return ("Buildkite's usual audience", issuer.Sign(With(claims(), "aud", "https://buildkite.com/acme")));
        yield return ("ours and another audience", issuer.Sign(With(claims(), "aud", new JsonArray(self, "https://other.example.com"))));
        yield return ("ours as the beginning", issuer.Sign(With(claims(), "aud", self + ".evil.example")));
        yield return ("an empty list of audiences", issuer.Sign(With(claims(), "aud", new JsonArray())));

        // The job.
        yield return ("another organization", issuer.Sign(With(claims(), "organization_slug", "mallory")));
        yield return ("another pipeline", issuer.Sign(With(claims(), "pipeline_slug", "web")));
        yield return ("the organization in other letters", issuer.Sign(With(claims(), "organization_slug", "ACME")));
        yield return ("no pipeline", issuer.Sign(Without(claims(), "pipeline_slug")));
        yield return ("the pipeline in an array", issuer.Sign(With(claims(), "pipeline_slug", new JsonArray("app"))));
        yield return ("the pipeline only in the subject", issuer.Sign(With(With(claims(), "pipeline_slug", "x"), "sub", "organization:acme:pipeline:app")));
    }

    private static string Encode(string text) => Base64UrlEncoder.Encode(text);

    private static string Signed(RSA key, string header, string claims, HashAlgorithmName? hash = null, bool pss = false)
    {
        var text = $"{Encode(header)}.{claims}";
        var padding = pss ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1;
        return $"{text}.{Base64UrlEncoder.Encode(key.SignData(Encoding.ASCII.GetBytes(text), hash ?? HashAlgorithmName.SHA256, padding))}";
    }

    private static string Hmac(string key, string claims, string algorithm)
    {
        var text = $"{Encode($"{{\"alg\":\"{algorithm}\",\"kid\":\"one\"}}")}.{claims}";
        return $"{text}.{Base64UrlEncoder.Encode(HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), Encoding.ASCII.GetBytes(text)))}";
    }

    private static string Jwk(RSA key)
    {
        var shown = key.ExportParameters(false);
        return $"{{\"kty\":\"RSA\",\"kid\":\"one\",\"n\":\"{Base64UrlEncoder.Encode(shown.Modulus)}\",\"e\":\"{Base64UrlEncoder.Encode(shown.Exponent)}\"}}";
    }

    private static string Twice(JsonObject claims) => claims.ToJsonString().Insert(1, "\"pipeline_slug\":\"web\",");

    private static JsonObject With(JsonObject claims, string name, JsonNode value)
    {
        claims[name] = value;
        return claims;
    }

    private static JsonObject Without(JsonObject claims, string name)
    {
        claims.Remove(name);
        return claims;
    }

    // A 2048-bit signature ends in a character of which only two bits count.
    private static char Next(char last)
    {
        const string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        return alphabet[alphabet.IndexOf(last, StringComparison.Ordinal) ^ 1];
    }
}
