using System.Security.Cryptography;
using Org.BouncyCastle.Math.EC.Rfc8032;

namespace Slipway.BuildKit.Auth;

/// <summary>The key by which an engine knows a client again that may use a registry's cached tokens (Ed25519, RFC 8032).</summary>
/// <remarks>
/// The engine asks for the public key before it asks for a token, and from later builds for a signature before it lets them use that
/// token. So it never needs the password: tokens are fetched here, and the proof is a key that follows from a secret of this machine.
/// Clients without credentials share one key per salt, because what they may pull is public.
/// </remarks>
internal static class TokenAuthority
{
    /// <param name="salt">The engine's own, the same for as long as it runs.</param>
    /// <param name="seed">This machine's, for the registry; null without credentials.</param>
    public static byte[] PublicKey(ReadOnlySpan<byte> salt, byte[]? seed)
    {
        var key = new byte[Ed25519.PublicKeySize];
        Ed25519.GeneratePublicKey(PrivateKey(salt, seed), 0, key, 0);
        return key;
    }

    /// <summary>Signs as NaCl's <c>crypto_sign</c> does: the signature and then the message.</summary>
    public static byte[] Sign(byte[] payload, ReadOnlySpan<byte> salt, byte[]? seed)
    {
        var signed = new byte[Ed25519.SignatureSize + payload.Length];
        Ed25519.Sign(PrivateKey(salt, seed), 0, payload, 0, payload.Length, signed, 0);
        payload.CopyTo(signed, Ed25519.SignatureSize);
        return signed;
    }

    private static byte[] PrivateKey(ReadOnlySpan<byte> salt, byte[]? seed) => HMACSHA256.HashData(salt, seed ?? []);
}
