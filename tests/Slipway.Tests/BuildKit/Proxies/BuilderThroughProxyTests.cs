using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Slipway.BuildKit.Compression;
using Slipway.BuildKit.Control;
using Slipway.Tests.Builder;
using Xunit;

namespace Slipway.Tests.BuildKit.Proxies;

/// <summary>The builder's mutual TLS goes through a proxy as it is: the proxy sees a name and bytes.</summary>
public sealed class BuilderThroughProxyTests : IDisposable
{
    private readonly TestAuthority _authority = new("builders", DateTimeOffset.UtcNow);
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public BuilderThroughProxyTests() => _listener.Start();

    public void Dispose()
    {
        _listener.Dispose();
        _authority.Dispose();
    }

    [Fact]
    public async Task Both_sides_see_each_others_certificates()
    {
        await using var proxy = new ProxyDouble { AllTo = ((IPEndPoint)_listener.LocalEndpoint).Port, Login = "u:p" };
        var serving = ServeAsync();
        using var own = Leaf(TestAuthority.ClientAuth, "client.test");
        await using var stream = await BuilderTransport.ConnectAsync(
            "builder.test", 8443, "builder.test", own, [_authority.Certificate], new Uri($"http://u:p@{proxy.Address}"), new LineGauge(), CancellationToken.None);
        await stream.WriteAsync("x"u8.ToArray());
        await stream.FlushAsync();
        Assert.Equal(own.Thumbprint, await serving);
        Assert.Equal("CONNECT builder.test:8443 HTTP/1.1", Assert.Single(proxy.Asked));
    }

    [Fact]
    public async Task A_proxy_that_refuses_is_named_beside_the_builder()
    {
        await using var proxy = new ProxyDouble { Login = "u:p" };
        using var own = Leaf(TestAuthority.ClientAuth, "client.test");
        var problem = await Assert.ThrowsAsync<IOException>(() => BuilderTransport.ConnectAsync(
            "builder.test", 8443, "builder.test", own, [_authority.Certificate], new Uri($"http://{proxy.Address}"), new LineGauge(), CancellationToken.None));
        Assert.Equal(
            $"The builder at builder.test:8443 cannot be reached: the proxy http://{proxy.Address} answered CONNECT builder.test:8443 with 407 Proxy Authentication Required.", problem.Message);
    }

    private async Task<string> ServeAsync()
    {
        using var certificate = Leaf(TestAuthority.ServerAuth, "builder.test");
        using var client = await _listener.AcceptTcpClientAsync();
        await using var tls = new SslStream(client.GetStream());
        await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
        {
            ServerCertificate = certificate,
            EnabledSslProtocols = SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            ClientCertificateRequired = true,
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
        });
        await tls.ReadExactlyAsync(new byte[1]);
        return tls.RemoteCertificate!.GetCertHashString();
    }

    private X509Certificate2 Leaf(string purpose, string name) => _authority.Issue(
        new TestAuthority.Leaf(DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddHours(1)) { Uris = [], DnsNames = [name], Purposes = [purpose] });
}
