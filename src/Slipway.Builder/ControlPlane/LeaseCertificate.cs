using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;

namespace Slipway.Builder.ControlPlane;

/// <summary>A key that never leaves this process, and the request to certify it for a lease's name.</summary>
internal sealed class LeaseCertificate : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public LeaseCertificate(string serverName)
    {
        var request = new CertificateRequest(new X500DistinguishedName("CN=" + serverName), _key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(serverName);
        request.CertificateExtensions.Add(names.Build());
        SigningRequest = ByteString.CopyFrom(request.CreateSigningRequest());
    }

    /// <summary>PKCS #10, DER.</summary>
    public ByteString SigningRequest { get; }

    /// <summary>Joins the leaf of an issued chain (PEM, leaf first) with the key.</summary>
    /// <exception cref="CryptographicException">The chain cannot be read, or certifies another key.</exception>
    public X509Certificate2 Complete(string chainPem)
    {
        using var leaf = X509Certificate2.CreateFromPem(chainPem);
        try
        {
            return leaf.CopyWithPrivateKey(_key);
        }
        catch (ArgumentException e)
        {
            throw new CryptographicException("the certificate is for another key", e);
        }
    }

    public void Dispose() => _key.Dispose();
}
