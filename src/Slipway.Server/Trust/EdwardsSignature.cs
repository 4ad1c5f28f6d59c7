using System.Buffers;
using System.Buffers.Text;
using System.Text;
using Microsoft.IdentityModel.Tokens;
using Org.BouncyCastle.Math.EC.Rfc8032;

namespace Slipway.Server.Trust;

/// <summary>Tokens that are signed with Ed25519 (RFC 8032), which .NET does not have.</summary>
/// <remarks>
/// Both names of the algorithm are in use: "EdDSA" (RFC 8037), which leaves the curve to the key, and "Ed25519" (RFC 9864). The curve is always Ed25519. Public keys are
/// judged in full: under one of small order the same signature is good for many messages, and one of mixed order is not judged alike by all verifiers.
/// </remarks>
internal static class EdwardsSignature
{
    public const string AnyCurve = "EdDSA";
    public const string Algorithm = "Ed25519";
    public const string KeyType = "OKP";

    private const string Curve = "Ed25519";

    public static bool IsName(string algorithm) => algorithm is AnyCurve or Algorithm;

    /// <summary>Whether a published key is one of this curve, encoded as it must be, and of prime order.</summary>
    public static bool IsKey(JsonWebKey key) =>
        key is { Kty: KeyType, Crv: Curve } && ReadKey(key) is { } point && Ed25519.ValidatePublicKeyFull(point, 0);

    /// <param name="key">One that <see cref="IsKey"/>.</param>
    public static bool IsSignedBy(JsonWebKey key, JwtText token)
    {
        var (signed, signature) = token.SignedParts;
        return IsSignedBy(key, Encoding.ASCII.GetBytes(signed), signature);
    }

    internal static bool IsSignedBy(JsonWebKey key, byte[] message, byte[] signature) =>
        signature.Length == Ed25519.SignatureSize && ReadKey(key) is { } point && Ed25519.Verify(signature, 0, point, 0, message, 0, message.Length);

    private static byte[]? ReadKey(JsonWebKey key)
    {
        var bytes = new byte[Ed25519.PublicKeySize];
        return key.X is { } text && text.Length == Base64Url.GetEncodedLength(bytes.Length)
            && Base64Url.DecodeFromChars(text, bytes, out _, out var written) == OperationStatus.Done && written == bytes.Length ? bytes : null;
    }
}
