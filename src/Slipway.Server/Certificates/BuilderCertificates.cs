using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Slipway.Contract;

namespace Slipway.Server.Certificates;

/// <summary>The certificates by which builders prove themselves to this server, from a root that nothing else hangs from.</summary>
internal sealed class BuilderCertificates : IDisposable
{
    private readonly X509Certificate2 _trusted;
    private readonly TimeProvider _clock;

    public BuilderCertificates(string dataFolder, TimeProvider clock)
    {
        _clock = clock;
        Authority = CertificateAuthority.Open(dataFolder, CertificateAuthority.OfBuilders, clock);
        _trusted = X509Certificate2.CreateFromPem(Authority.Pem);
    }

    public CertificateAuthority Authority { get; }

    /// <summary>Signs a builder's key for its id; whatever else the request asks for is not looked at.</summary>
    /// <exception cref="CryptographicException">The request's signature is wrong or its key is not an elliptic-curve key.</exception>
    public string Issue(byte[] signingRequest, string builderId)
    {
        using var key = CertificateAuthority.KeyOf(signingRequest);
        var request = new CertificateRequest($"CN={builderId}", key, HashAlgorithmName.SHA256);
        var now = _clock.GetUtcNow();
        using var leaf = Authority.Issue(request, CertificatePurpose.Client, now - CertificateAuthority.ClientBackdate, now + Limits.BuilderCertificateLifetime);
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
        chain.ChainPolicy.ApplicationPolicy.Add(CertificatePurpose.Client);

        // A moment inside the leaf's own life: how long an ended one is still good for a renewal is the caller's to say.
        chain.ChainPolicy.VerificationTime = leaf.NotAfter.AddSeconds(-1);

        // The subject is this server's own words, and this root signs nothing but builders.
        return chain.Build(leaf) && chain.ChainElements.Count > 1 ? leaf.GetNameInfo(X509NameType.SimpleName, forIssuer: false) : null;
    }

    public void Dispose()
    {
        _trusted.Dispose();
        Authority.Dispose();
    }
}
