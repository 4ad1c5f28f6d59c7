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
    private static readonly TimeSpan ServerBackdate = TimeSpan.FromHours(24);
    private static readonly TimeSpan ServerLifetime = TimeSpan.FromHours(24);

    private readonly CertificateAuthority _builders;
    private readonly CertificateAuthority _builds;
    private readonly TimeProvider _clock;

    public BuildCertificates(string dataFolder, TimeProvider clock)
    {
        _clock = clock;
        _builders = CertificateAuthority.Open(dataFolder, CertificateAuthority.OfLeases, clock);
        _builds = CertificateAuthority.Open(dataFolder, CertificateAuthority.OfBuilds, clock);
        Builders = new BuilderCertificates(dataFolder, clock);
    }

    /// <summary>Those that have nothing to do with a build.</summary>
    public BuilderCertificates Builders { get; }

    /// <summary>The authorities that the data folder did not have.</summary>
    public IEnumerable<string> NewAuthorities =>
        new[] { _builders, _builds, Builders.Authority }.Where(authority => authority.IsNew).Select(authority => authority.Name);

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
        var now = _clock.GetUtcNow();
        using var leaf = _builds.Issue(request, CertificatePurpose.Client, now - CertificateAuthority.ClientBackdate, now + Limits.BuildDurationMax + Limits.CertificateGrace);
        return new Cert { Cert_ = leaf.ExportCertificatePem() + "\n", Key = key.ExportPkcs8PrivateKeyPem() + "\n" };
    }

    /// <summary>Signs a builder's key for one lease's name; whatever else the request asks for is not looked at.</summary>
    /// <exception cref="CryptographicException">The request's signature is wrong or its key is not an elliptic-curve key.</exception>
    public string IssueForLease(byte[] signingRequest, string serverName)
    {
        using var key = CertificateAuthority.KeyOf(signingRequest);
        var request = new CertificateRequest(new X500DistinguishedName($"CN={serverName}"), key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(serverName);
        request.CertificateExtensions.Add(names.Build());
        var now = _clock.GetUtcNow();
        using var leaf = _builders.Issue(request, CertificatePurpose.Server, now - ServerBackdate, now + ServerLifetime);
        return leaf.ExportCertificatePem() + "\n" + _builders.Pem;
    }

    public void Dispose()
    {
        _builders.Dispose();
        _builds.Dispose();
        Builders.Dispose();
    }
}
