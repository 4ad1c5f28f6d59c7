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
    /// <summary>Signs what builders answer clients with.</summary>
    public const string OfLeases = "builder-server";

    /// <summary>Signs what clients prove a build with.</summary>
    public const string OfBuilds = "build-client";

    /// <summary>Signs what builders prove themselves to this server with.</summary>
    public const string OfBuilders = "builder-client";

    /// <summary>Signs what the operator's registry is told; there where the server has one.</summary>
    public const string OfRegistry = "registry-token";

    /// <summary>How far a client's certificate reaches back, for a peer whose clock is behind: Kubernetes' five minutes.</summary>
    public static readonly TimeSpan ClientBackdate = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(3650);
    private readonly X509Certificate2 _root;

    private CertificateAuthority(string name, X509Certificate2 root, bool isNew)
    {
        (Name, IsNew, _root) = (name, isNew, root);
        Pem = root.ExportCertificatePem() + "\n";
    }

    public string Name { get; }

    /// <summary>Nothing that was signed before counts.</summary>
    public bool IsNew { get; }

    /// <summary>What a peer is told to trust.</summary>
    public string Pem { get; }

    /// <summary>Reads the root called <paramref name="name"/> from the data folder, or makes it.</summary>
    public static CertificateAuthority Open(string dataFolder, string name, TimeProvider clock)
    {
        var (certificate, key) = Paths(dataFolder, name);
        try
        {
            DataFolder.CreatePrivateFolder(Path.GetDirectoryName(certificate)!);

            // The certificate is written last: a folder with a key alone is a first start that did not get far.
            var isNew = !File.Exists(certificate);
            if (isNew)
            {
                Create(name, certificate, key, clock.GetUtcNow());
            }

            return new CertificateAuthority(name, X509Certificate2.CreateFromPemFile(certificate, key), isNew);
        }
        catch (Exception failure) when (IsUnusable(failure))
        {
            throw new StartupException(Describe(certificate, failure), failure);
        }
    }

    /// <summary>What is wrong with the roots of a data folder, one line each.</summary>
    public static IEnumerable<string> Check(string dataFolder)
    {
        foreach (var name in new[] { OfLeases, OfBuilds, OfBuilders, OfRegistry })
        {
            var (certificate, key) = Paths(dataFolder, name);
            if (!File.Exists(certificate) && name == OfRegistry)
            {
                continue;
            }

            if (!File.Exists(certificate))
            {
                yield return $"{certificate} is missing: the server makes another authority, and what this one signed counts for nothing; restore it from a backup";
            }
            else if (Trouble(certificate, key) is { } trouble)
            {
                yield return trouble;
            }
        }
    }

    /// <summary>The key that a certificate request asks to be signed; nothing else of a request is looked at.</summary>
    /// <exception cref="CryptographicException">The request's signature is wrong or its key is not an elliptic-curve key.</exception>
    public static ECDsa KeyOf(byte[] signingRequest) =>
        CertificateRequest.LoadSigningRequest(signingRequest, HashAlgorithmName.SHA256).PublicKey.GetECDsaPublicKey()
        ?? throw new CryptographicException("the certificate request's key is not an elliptic-curve key");

    /// <summary>Signs a leaf that no leaf of another purpose can be mistaken for.</summary>
    public X509Certificate2 Issue(CertificateRequest leaf, Oid purpose, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        leaf.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([purpose], critical: false));
        leaf.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        leaf.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        leaf.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_root, true, false));

        // A leaf never outlives its issuer, and .NET refuses one that begins before it.
        var earliest = notBefore < _root.NotBefore ? _root.NotBefore : notBefore;
        var latest = notAfter > _root.NotAfter ? _root.NotAfter : notAfter;
        return leaf.Create(_root, earliest, latest, RandomNumberGenerator.GetBytes(16));
    }

    public void Dispose() => _root.Dispose();

    private static string? Trouble(string certificate, string key)
    {
        try
        {
            using var root = X509Certificate2.CreateFromPemFile(certificate, key);
            return null;
        }
        catch (Exception failure) when (IsUnusable(failure))
        {
            return Describe(certificate, failure);
        }
    }

    // .NET calls a key of another certificate a wrong argument.
    private static bool IsUnusable(Exception failure) =>
        failure is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException;

    private static string Describe(string certificate, Exception failure) =>
        $"cannot use the certificate authority {certificate}: {failure.Message.TrimEnd('.')}; restore both files from a backup";

    private static (string Certificate, string Key) Paths(string dataFolder, string name) =>
        (Path.Combine(dataFolder, "ca", name + ".pem"), Path.Combine(dataFolder, "ca", name + ".key"));

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
