using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Tests.BuildKit.Proxies;
using Slipway.Tests.Server.Support;
using Slipway.Tests.Support;
using Xunit;
using ClaimCondition = Slipway.Contract.Admin.V1.ClaimCondition;
using IssuerAccess = Slipway.Server.Trust.IssuerAccess;

namespace Slipway.Tests.Server;

/// <summary>The server's way to issuers' keys where the operator's network has a proxy and an authority of its own.</summary>
public sealed class EgressTests
{
    private const string Issuer = "https://ci.example.test";

    [Theory]
    [InlineData("", true)]
    [InlineData("ci.example.test", false)]
    [InlineData("other.example.test,.example.org", true)]
    public async Task Keys_come_through_the_proxy_of_the_environment_from_an_issuer_of_a_private_authority(string noProxy, bool reached)
    {
        using var folder = new TemporaryFolder();
        using var certificate = Certificate();
        var data = Path.Combine(folder.Path, "data");
        var authority = folder.Write("ca.pem", certificate.ExportCertificatePem());
        await using var issuer = await FakeIssuer.StartAsync(certificate, Issuer);
        await using var proxy = new ProxyDouble { AllTo = issuer.Port, Login = "way:out" };
        await using var slipway = SlipwayProcess.Start(
            ["server", "--data", data, "--listen", "127.0.0.1:0"],
            ("HTTPS_PROXY", $"http://way:out@{proxy.Address}"), ("NO_PROXY", noProxy), ("SSL_CERT_FILE", authority));
        var url = await slipway.ReadyAsync();
        var credentials = SlipwayProcess.Credentials(data);
        using var channel = GrpcChannel.ForAddress(url);
        await new AdminService.AdminServiceClient(channel).AddTrustAsync(
            new AddTrustRequest
            {
                ProjectId = credentials.GetProperty("projectId").GetString(),
                Provider = "oidc",
                Issuer = Issuer,
                Conditions = { new ClaimCondition { Claim = "pipeline_slug", Operator = "equals", Values = { "app" } } },
            },
            Bearer(credentials.GetProperty("token").GetString()!));

        var token = issuer.Sign(issuer.Buildkite(url.ToString().TrimEnd('/'), DateTimeOffset.UtcNow));
        var create = new BuildService.BuildServiceClient(channel).CreateBuildAsync(new CreateBuildRequest(), Bearer(token)).ResponseAsync;

        if (reached)
        {
            Assert.Equal(credentials.GetProperty("projectId").GetString(), (await create).ProjectId);
            Assert.Contains("CONNECT ci.example.test:443 HTTP/1.1", proxy.Asked);
        }
        else
        {
            Assert.Equal(StatusCode.Unauthenticated, (await Assert.ThrowsAsync<RpcException>(() => create)).StatusCode);
            Assert.Empty(proxy.Asked);
        }
    }

    [Theory]
    [InlineData("https://169.254.169.254")]
    [InlineData("https://10.0.0.1")]
    [InlineData("https://localhost")]
    [InlineData("https://[::1]")]
    [InlineData("https://intranet")]
    public async Task A_proxy_is_not_asked_for_what_is_no_address_of_the_Internet(string issuer)
    {
        await using var proxy = new ProxyDouble();
        using var access = new IssuerAccess([], [], new WebProxy($"http://{proxy.Address}"));
        await Assert.ThrowsAsync<HttpRequestException>(() => access.GetAsync(issuer, issuer + "/keys", 1000, default));
        Assert.Empty(proxy.Asked);
    }

    private static Grpc.Core.Metadata Bearer(string token) => new() { { "authorization", "Bearer " + token } };

    private static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=ci.example.test", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("ci.example.test");
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
