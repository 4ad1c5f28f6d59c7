using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Slipway.Server;
using Slipway.Server.Storage;
using Slipway.Tests.Server.Support;
using Slipway.Tests.Support;
using Xunit;

namespace Slipway.Tests.Server;

public sealed class TlsIdentityTests : IDisposable
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;

    private readonly TemporaryFolder _folder = new();
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public void Dispose()
    {
        _key.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task The_certificates_between_the_servers_own_and_a_known_authority_are_sent()
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var middleKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var root = Authority("root", rootKey).CreateSelfSigned(Now.AddDays(-1), Now.AddDays(9));
        using var unkeyed = Authority("middle", middleKey).Create(root, Now.AddDays(-1), Now.AddDays(8), [1]);
        using var middle = unkeyed.CopyWithPrivateKey(middleKey);
        using var own = Own().Create(middle, Now.AddDays(-1), Now.AddDays(7), [2]);
        var (certificate, key) = Write(own.ExportCertificatePem() + "\n" + middle.ExportCertificatePem());
        await using var server = await TestServer.StartAsync(change: options => options with { TlsCertificate = certificate, TlsKey = key });

        using var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", server.Url.Port, TestContext.Current.CancellationToken);
        await using var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust,
                    CustomTrustStore = { root },
                    DisableCertificateDownloads = true,
                    RevocationMode = X509RevocationMode.NoCheck,
                },
            },
            TestContext.Current.CancellationToken);

        Assert.True(tls.IsAuthenticated);
    }

    [Theory]
    [InlineData(-2, -1, "ended at {1}: callers refuse it")]
    [InlineData(-2, 13, "ends at {1}")]
    [InlineData(1, 90, "begins at {0}: callers refuse it, or this machine's clock is off")]
    [InlineData(-2, 15, null)]
    public void A_certificate_out_of_its_time_is_told_of(int begins, int ends, string? expected)
    {
        using var own = Own().CreateSelfSigned(Now.AddDays(begins), Now.AddDays(ends));
        var (certificate, key) = Write(own.ExportCertificatePem());
        using var identity = TlsIdentity.Load(certificate, key);

        Assert.Empty(identity.Chain);
        Assert.Equal(
            expected is null ? null : string.Format(null, expected, own.NotBefore.ToUniversalTime().ToString("u"), own.NotAfter.ToUniversalTime().ToString("u")),
            identity.Trouble(Now));
    }

    [Fact]
    public void Files_that_do_not_belong_together_are_told_of()
    {
        using var own = Own().CreateSelfSigned(Now.AddDays(-1), Now.AddDays(9));
        var (certificate, key) = Write(own.ExportCertificatePem());
        using var otherKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        Assert.Equal("the key is another certificate's", Fault(otherKey.ExportPkcs8PrivateKeyPem()));
        Assert.Equal(
            $"the key is encrypted; write it without a passphrase: openssl pkey -in {key} -out FILE",
            Fault(_key.ExportEncryptedPkcs8PrivateKeyPem("secret", new PbeParameters(PbeEncryptionAlgorithm.Aes128Cbc, HashAlgorithmName.SHA256, 1))));
        Assert.Contains("PEM", Fault("nonsense"));

        string Fault(string keyText)
        {
            File.WriteAllText(key, keyText);
            var refused = Assert.Throws<StartupException>(() => TlsIdentity.Load(certificate, key));
            var beginning = $"the TLS certificate {certificate} with the key {key} cannot be used: ";
            Assert.StartsWith(beginning, refused.Message);
            return refused.Message[beginning.Length..];
        }
    }

    private static CertificateRequest Authority(string name, ECDsa key)
    {
        var request = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        return request;
    }

    private CertificateRequest Own()
    {
        var request = new CertificateRequest("CN=localhost", _key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        return request;
    }

    private (string Certificate, string Key) Write(string certificates)
    {
        var paths = (Path.Combine(_folder.Path, "tls.pem"), Path.Combine(_folder.Path, "tls.key"));
        File.WriteAllText(paths.Item1, certificates);
        File.WriteAllText(paths.Item2, _key.ExportPkcs8PrivateKeyPem());
        return paths;
    }
}
