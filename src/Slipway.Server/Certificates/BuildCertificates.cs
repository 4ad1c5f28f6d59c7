using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Slipway.Contract;
using Slipway.Server.Builds;
using Slipway.Server.Leasing;
using Cert = Slipway.Contract.Depot.Cli.V1.Cert;

namespace Slipway.Server.Certificates;

/// <summary>The certificates of the way between a client and a builder: the build's, the lease's, and the roots they hang from.</summary>
internal sealed class BuildCertificates : IDisposable
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    // The client's clock may be behind the server's; Kubernetes backdates by the same five minutes.
    private static readonly TimeSpan ClientBackdate = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan ServerBackdate = TimeSpan.FromHours(24);
    private static readonly TimeSpan ServerLifetime = TimeSpan.FromHours(24);

    private readonly CertificateAuthority _builders;
    private readonly CertificateAuthority _builds;
    private readonly TimeProvider _clock;

    public BuildCertificates(string dataFolder, TimeProvider clock)
    {
        _clock = clock;
        var folder = Path.Combine(dataFolder, "ca");
        _builders = CertificateAuthority.Open(folder, "builder-server", clock);
        _builds = CertificateAuthority.Open(folder, "build-client", clock);
        Builders = new BuilderCertificates(dataFolder, clock);
    }

    /// <summary>Those that have nothing to do with a build.</summary>
    public BuilderCertificates Builders { get; }

    /// <summary>What clients trust.</summary>
    public string BuilderServerAuthority => _builders.Pem;

    /// <summary>What builders trust, and nothing else.</summary>
    public string BuildClientAuthority => _builds.Pem;

    /// <summary>A certificate that names one build on one architecture; the key is made here because the wire hands it out.</summary>
    public Cert IssueForBuild(Build build, string architecture)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={build.Id}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri(
            $"spiffe://slipway/org/{build.OrganizationId}/project/{CacheScope.Of(build)}/build/{build.Id}/arch/{architecture}"));
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(Purpose(ClientAuthentication));
        var now = _clock.GetUtcNow();
        using var leaf = _builds.Issue(request, now - ClientBackdate, now + Limits.BuildDurationMax + Limits.CertificateGrace);
        return new Cert { Cert_ = leaf.ExportCertificatePem() + "\n", Key = key.ExportPkcs8PrivateKeyPem() + "\n" };
    }

    /// <summary>Signs a builder's key for one lease's name; whatever else the request asks for is not looked at.</summary>
    /// <exception cref="CryptographicException">The request's signature is wrong or its key is not an elliptic-curve key.</exception>
    public string IssueForLease(byte[] signingRequest, string serverName)
    {
        var asked = CertificateRequest.LoadSigningRequest(signingRequest, HashAlgorithmName.SHA256);
        using var key = asked.PublicKey.GetECDsaPublicKey()
            ?? throw new CryptographicException("the certificate request's key is not an elliptic-curve key");
        var request = new CertificateRequest(new X500DistinguishedName($"CN={serverName}"), key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(serverName);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(Purpose(ServerAuthentication));
        var now = _clock.GetUtcNow();
        using var leaf = _builders.Issue(request, now - ServerBackdate, now + ServerLifetime);
        return leaf.ExportCertificatePem() + "\n" + _builders.Pem;
    }

    public void Dispose()
    {
        _builders.Dispose();
        _builds.Dispose();
        Builders.Dispose();
    }

    private static X509EnhancedKeyUsageExtension Purpose(string oid) => new([new Oid(oid)], critical: false);
}
