using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Slipway.Builder.ControlPlane;

/// <summary>Who this builder is to the server: an id, and a certificate for it with the key that never leaves this machine.</summary>
/// <remarks>A certificate that was replaced is left to the garbage collector: calls may still be signing with it.</remarks>
internal sealed record BuilderIdentity(string BuilderId, X509Certificate2 Certificate)
{
    public DateTimeOffset EndsAt => Certificate.NotAfter.ToUniversalTime();

    /// <summary>From then on a new certificate is asked for.</summary>
    public DateTimeOffset RenewAt => EndsAt - (EndsAt - new DateTimeOffset(Certificate.NotBefore.ToUniversalTime())) / 2;

    /// <summary>A key, and the request to certify it.</summary>
    public static (ECDsa Key, byte[] Csr) NewKey()
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return (key, new CertificateRequest("CN=builder", key, HashAlgorithmName.SHA256).CreateSigningRequest());
    }

    /// <exception cref="CryptographicException">The certificate cannot be read, or is for another key.</exception>
    public static BuilderIdentity Join(string builderId, string certificatePem, ECDsa key)
    {
        using var leaf = X509Certificate2.CreateFromPem(certificatePem);
        try
        {
            return new BuilderIdentity(builderId, leaf.CopyWithPrivateKey(key));
        }
        catch (ArgumentException e)
        {
            throw new CryptographicException("the certificate is for another key", e);
        }
    }

    public override string ToString() => BuilderId;
}
