using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Slipway.Contract.Fleet;

/// <summary>How a builder proves itself with every call: its certificate, and a statement that the certificate's key has signed.</summary>
/// <remarks>
/// Not TLS's client authentication, because the server may serve clear text behind somebody else's TLS. A statement names the method and
/// the moment and is good once, so that whoever reads it on the way has nothing; unlike a token, it is no secret.
/// </remarks>
public sealed class BuilderProof
{
    /// <summary>A header of its own: proxies that look into <c>authorization</c> leave it alone.</summary>
    public const string Header = "slipway-builder-proof";

    /// <summary>What the statement is, so that a signature of the same key for another purpose is never one of these.</summary>
    private const string Purpose = "slipway-builder-proof-1";

    private BuilderProof(X509Certificate2 certificate, string method, DateTimeOffset at, string nonce, string bound) =>
        (Certificate, Method, At, Nonce, _bound) = (certificate, method, at, nonce, bound);

    private readonly string _bound;

    public X509Certificate2 Certificate { get; }

    /// <summary>The gRPC path, <c>/package.Service/Method</c>.</summary>
    public string Method { get; }

    public DateTimeOffset At { get; }

    public string Nonce { get; }

    /// <param name="own">With its private key.</param>
    /// <param name="bound">A request that the proof is for, and for no other; empty: for any of the method.</param>
    public static string Create(X509Certificate2 own, string method, DateTimeOffset at, ReadOnlySpan<byte> bound = default)
    {
        var nonce = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(16));
        var moment = at.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
        var statement = Encoding.ASCII.GetBytes(string.Join('\n', Purpose, method, moment, nonce, DigestOf(bound)));
        using var key = own.GetECDsaPrivateKey() ?? throw new CryptographicException("the builder's key is not an elliptic-curve key");
        var signature = key.SignData(statement, HashAlgorithmName.SHA256);
        return $"{Base64Url.EncodeToString(own.RawData)}.{Base64Url.EncodeToString(statement)}.{Base64Url.EncodeToString(signature)}";
    }

    /// <summary>Reads a proof whose signature is its certificate's; null when it is none. Whose certificate that is, and whether the
    /// statement fits, is for the caller to judge.</summary>
    public static BuilderProof? Read(string text)
    {
        try
        {
            if (text.Split('.') is not [var certificate, var statement, var signature])
            {
                return null;
            }

            var leaf = X509CertificateLoader.LoadCertificate(Base64Url.DecodeFromChars(certificate));
            var signed = Base64Url.DecodeFromChars(statement);
            using var key = leaf.GetECDsaPublicKey();
            return key?.VerifyData(signed, Base64Url.DecodeFromChars(signature), HashAlgorithmName.SHA256) == true ? Parse(leaf, signed) : null;
        }
        catch (Exception e) when (e is FormatException or CryptographicException)
        {
            return null;
        }
    }

    /// <summary>Whether the proof was made for this very request.</summary>
    public bool Binds(ReadOnlySpan<byte> request) => _bound == DigestOf(request);

    private static BuilderProof? Parse(X509Certificate2 leaf, byte[] signed) =>
        Encoding.ASCII.GetString(signed).Split('\n') is [Purpose, var method, var moment, var nonce, var bound]
        && long.TryParse(moment, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
        && milliseconds <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()
            ? new BuilderProof(leaf, method, DateTimeOffset.FromUnixTimeMilliseconds(milliseconds), nonce, bound)
            : null;

    private static string DigestOf(ReadOnlySpan<byte> request) => request.IsEmpty ? "" : Convert.ToHexStringLower(SHA256.HashData(request));
}
