using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Slipway.Server.Storage;

namespace Slipway.Server.Certificates;

/// <summary>One root with one purpose; its key never leaves the data folder.</summary>
/// <remarks>
/// Builders' server certificates and builds' client certificates come from different roots, so that no slip in a key usage
/// turns a build into a builder.
/// </remarks>
internal sealed class CertificateAuthority : IDisposable
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(3650);
    private readonly X509Certificate2 _root;

    private CertificateAuthority(X509Certificate2 root)
    {
        _root = root;
        Pem = root.ExportCertificatePem() + "\n";
    }

    /// <summary>What a peer is told to trust.</summary>
    public string Pem { get; }

    /// <summary>Reads the root called <paramref name="name"/> from the folder, or makes it.</summary>
    public static CertificateAuthority Open(string folder, string name, TimeProvider clock)
    {
        DataFolder.CreatePrivateFolder(folder);
        var certificatePath = Path.Combine(folder, name + ".pem");
        var keyPath = Path.Combine(folder, name + ".key");
        try
        {
            // The certificate is written last: a folder with a key alone is a first start that did not get far.
            if (!File.Exists(certificatePath))
            {
                Create(name, certificatePath, keyPath, clock.GetUtcNow());
            }

            return new CertificateAuthority(X509Certificate2.CreateFromPemFile(certificatePath, keyPath));
        }
        catch (Exception failure) when (failure is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new StartupException(
                $"cannot use the certificate authority {certificatePath}: {failure.Message.TrimEnd('.')}; restore both files from a backup",
                failure);
        }
    }

    /// <summary>Signs a leaf that no leaf of another purpose can be mistaken for.</summary>
    public X509Certificate2 Issue(CertificateRequest leaf, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        leaf.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        leaf.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        leaf.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_root, true, false));

        // A leaf never outlives its issuer, and .NET refuses one that begins before it.
        var earliest = notBefore < _root.NotBefore ? _root.NotBefore : notBefore;
        var latest = notAfter > _root.NotAfter ? _root.NotAfter : notAfter;
        return leaf.Create(_root, earliest, latest, RandomNumberGenerator.GetBytes(16));
    }

    public void Dispose() => _root.Dispose();

    private static void Create(string name, string certificatePath, string keyPath, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN=Slipway {name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, critical: true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));

        // Backdated by a day more than any leaf, for machines whose clock is behind.
        using var root = request.CreateSelfSigned(now.AddDays(-2), now + Lifetime);
        PrivateFile.Write(keyPath, key.ExportPkcs8PrivateKeyPem() + "\n");
        PrivateFile.Write(certificatePath, root.ExportCertificatePem() + "\n");
    }
}
