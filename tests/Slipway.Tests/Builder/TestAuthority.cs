using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Slipway.Tests.Builder;

/// <summary>Mints certificates as the server's authorities do, and as an attacker would like to.</summary>
internal sealed class TestAuthority : IDisposable
{
    public const string ClientAuth = "1.3.6.1.5.5.7.3.2";
    public const string ServerAuth = "1.3.6.1.5.5.7.3.1";

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public TestAuthority(string name, DateTimeOffset now)
    {
        var request = new CertificateRequest("CN=" + name, _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        Certificate = request.CreateSelfSigned(now.AddYears(-1), now.AddYears(1));
    }

    public X509Certificate2 Certificate { get; }

    public string Pem => Certificate.ExportCertificatePem();

    public static string BuildUri(string project = "p1", string build = "b1", string architecture = "amd64") =>
        $"spiffe://slipway/org/o1/project/{project}/build/{build}/arch/{architecture}";

    public X509Certificate2 Issue(Leaf leaf)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = RequestFor(leaf, key);
        var certificate = leaf.SelfSigned
            ? request.CreateSelfSigned(leaf.NotBefore, leaf.NotAfter)
            : request.Create(Certificate, leaf.NotBefore, leaf.NotAfter, RandomNumberGenerator.GetBytes(16));
        return certificate.HasPrivateKey ? certificate : certificate.CopyWithPrivateKey(key);
    }

    /// <summary>What the server does with a builder's request.</summary>
    public string SignRequest(byte[] csr, DateTimeOffset now, TimeSpan life)
    {
        var request = CertificateRequest.LoadSigningRequest(csr, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ServerAuth)], true));
        using var leaf = request.Create(Certificate, now.AddMinutes(-5), now + life, RandomNumberGenerator.GetBytes(16));
        return leaf.ExportCertificatePem() + "\n" + Pem;
    }

    public void Dispose()
    {
        Certificate.Dispose();
        _key.Dispose();
    }

    private static CertificateRequest RequestFor(Leaf leaf, ECDsa key)
    {
        var request = new CertificateRequest("CN=build", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(leaf.IsAuthority, false, 0, true));
        if (leaf.MaySignCertificates)
        {
            request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature, true));
        }

        if (leaf.Purposes.Length > 0)
        {
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. leaf.Purposes.Select(purpose => new Oid(purpose))], true));
        }

        if (leaf.RawNames is { } raw)
        {
            request.CertificateExtensions.Add(new X509Extension("2.5.29.17", raw, false));
        }
        else if (leaf.Uris.Length + leaf.DnsNames.Length > 0)
        {
            var names = new SubjectAlternativeNameBuilder();
            Array.ForEach(leaf.DnsNames, names.AddDnsName);
            Array.ForEach(leaf.Uris, uri => names.AddUri(new Uri(uri)));
            request.CertificateExtensions.Add(names.Build());
        }

        return request;
    }

    internal sealed record Leaf(DateTimeOffset NotBefore, DateTimeOffset NotAfter)
    {
        public string[] Uris { get; init; } = [BuildUri()];
        public string[] DnsNames { get; init; } = [];
        public string[] Purposes { get; init; } = [ClientAuth];
        public byte[]? RawNames { get; init; }
        public bool IsAuthority { get; init; }
        public bool MaySignCertificates { get; init; }
        public bool SelfSigned { get; init; }
    }

    /// <summary>A names extension whose only URI is cut short.</summary>
    public static byte[] BrokenNames()
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        writer.PushSequence();
        writer.WriteOctetString([1, 2, 3], new Asn1Tag(TagClass.ContextSpecific, 6));
        writer.PopSequence();
        var bytes = writer.Encode();
        bytes[^4] = 0x7f;
        return bytes;
    }
}
