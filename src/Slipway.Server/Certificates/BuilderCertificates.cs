using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Slipway.Contract;

namespace Slipway.Server.Certificates;

/// <summary>The certificates by which builders prove themselves to this server, from a root that nothing else hangs from.</summary>
internal sealed class BuilderCertificates : IDisposable
{
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    // The builder's clock may be ahead; Kubernetes backdates by the same five minutes.
    private static readonly TimeSpan Backdate = TimeSpan.FromMinutes(5);

    private readonly CertificateAuthority _root;
    private readonly X509Certificate2 _trusted;
    private readonly TimeProvider _clock;

    public BuilderCertificates(string dataFolder, TimeProvider clock)
    {
        _clock = clock;
        _root = CertificateAuthority.Open(Path.Combine(dataFolder, "ca"), "builder-client", clock);
        _trusted = X509Certificate2.CreateFromPem(_root.Pem);
    }

    /// <summary>Signs a builder's key for its id; whatever else the request asks for is not looked at.</summary>
    /// <exception cref="CryptographicException">The request's signature is wrong or its key is not an elliptic-curve key.</exception>
    public string Issue(byte[] signingRequest, string builderId)
    {
        var asked = CertificateRequest.LoadSigningRequest(signingRequest, HashAlgorithmName.SHA256);
        using var key = asked.PublicKey.GetECDsaPublicKey()
            ?? throw new CryptographicException("the certificate request's key is not an elliptic-curve key");
        var request = new CertificateRequest($"CN={builderId}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ClientAuthentication)], critical: false));
        var now = _clock.GetUtcNow();
        using var leaf = _root.Issue(request, now - Backdate, now + Limits.BuilderCertificateLifetime);
        return leaf.ExportCertificatePem() + "\n";
    }

    /// <summary>The builder that a certificate names; null when this server did not issue it. Whether it is still in force is not asked.</summary>
    public string? Read(X509Certificate2 leaf)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(_trusted);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ClientAuthentication));

        // A moment inside the leaf's own life: how long an ended one is still good for a renewal is the caller's to say.
        chain.ChainPolicy.VerificationTime = leaf.NotAfter.AddSeconds(-1);

        // The subject is this server's own words, and this root signs nothing but builders.
        return chain.Build(leaf) && chain.ChainElements.Count > 1 ? leaf.GetNameInfo(X509NameType.SimpleName, forIssuer: false) : null;
    }

    public void Dispose()
    {
        _trusted.Dispose();
        _root.Dispose();
    }
}
