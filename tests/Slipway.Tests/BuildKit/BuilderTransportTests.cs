using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Slipway.BuildKit.Control;
using Slipway.Tests.Builder;
using Xunit;

namespace Slipway.Tests.BuildKit;

/// <summary>A client sends nothing to a machine that is not the one its build was given, whoever has its address by now.</summary>
public sealed class BuilderTransportTests : IDisposable
{
    private const string LeaseName = "l1.builder.slipway";
    private readonly TestAuthority _builders = new("builders", DateTimeOffset.UtcNow);
    private readonly TestAuthority _others = new("builders", DateTimeOffset.UtcNow);
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public BuilderTransportTests() => _listener.Start();

    private static TestAuthority.Leaf Good { get; } =
        new(DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddHours(1)) { Uris = [], DnsNames = [LeaseName], Purposes = [TestAuthority.ServerAuth] };

    private static readonly Dictionary<string, (Func<BuilderTransportTests, X509Certificate2> Certificate, string Told)> Wrong = new()
    {
        ["another lease's builder"] = (t => t._builders.Issue(Good with { DnsNames = ["l2.builder.slipway"] }), $"its certificate is not for '{LeaseName}'"),
        ["a name that the lease's is a part of"] = (t => t._builders.Issue(Good with { DnsNames = [LeaseName + ".example.com"] }), $"its certificate is not for '{LeaseName}'"),
        ["no name at all"] = (t => t._builders.Issue(Good with { DnsNames = [] }), $"its certificate is not for '{LeaseName}'"),
        ["another server's authority"] = (t => t._others.Issue(Good), "its certificate is not signed by the expected authority"),
        ["nobody's authority"] = (t => t._others.Issue(Good with { SelfSigned = true }), "its certificate is not signed by the expected authority"),
        ["an earlier lease"] = (t => t._builders.Issue(Good with { NotBefore = DateTimeOffset.UtcNow.AddDays(-2), NotAfter = DateTimeOffset.UtcNow.AddMinutes(-1) }), "is not valid now"),
        ["a build's own certificate"] = (t => t._builders.Issue(Good with { Purposes = [TestAuthority.ClientAuth] }), "its certificate is not signed by the expected authority"),
    };

    public static TheoryData<string> WrongBuilders => new(Wrong.Keys);

    public void Dispose()
    {
        _listener.Dispose();
        _builders.Dispose();
        _others.Dispose();
    }

    [Theory]
    [MemberData(nameof(WrongBuilders))]
    public async Task A_builder_that_is_another_gets_nothing(string which)
    {
        var (certificate, told) = Wrong[which];
        var received = ReceiveAsync(certificate(this));

        var refused = await Assert.ThrowsAsync<IOException>(ConnectAsync);

        Assert.Contains("is not the one this build was given", refused.Message);
        Assert.Contains(told, refused.Message);
        Assert.Equal(0, await received);
    }

    [Fact]
    public async Task The_builder_of_the_lease_is_talked_to()
    {
        var received = ReceiveAsync(_builders.Issue(Good));
        await using (var stream = await ConnectAsync())
        {
            await stream.WriteAsync("x"u8.ToArray());
            await stream.FlushAsync();
        }

        Assert.Equal(1, await received);
    }

    private async Task<Stream> ConnectAsync()
    {
        using var own = _builders.Issue(Good with { Purposes = [TestAuthority.ClientAuth] });
        var port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        return await BuilderTransport.ConnectAsync("127.0.0.1", port, LeaseName, own, [_builders.Certificate], proxy: null, line: null, CancellationToken.None);
    }

    /// <summary>How many bytes of the client's own the machine at the address gets to read.</summary>
    private async Task<int> ReceiveAsync(X509Certificate2 certificate)
    {
        using var client = await _listener.AcceptTcpClientAsync();
        await using var tls = new SslStream(client.GetStream());
        try
        {
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
            {
                ServerCertificate = certificate,
                EnabledSslProtocols = SslProtocols.Tls13,
                ApplicationProtocols = [SslApplicationProtocol.Http2],
                ClientCertificateRequired = true,
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
            });
            return await tls.ReadAsync(new byte[16]);
        }
        catch (Exception refused) when (refused is AuthenticationException or IOException)
        {
            return 0;
        }
        finally
        {
            certificate.Dispose();
        }
    }
}
