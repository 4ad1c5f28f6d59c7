using System.Net;
using System.Net.Sockets;
using Slipway.BuildKit.Proxies;
using Xunit;

namespace Slipway.Tests.BuildKit.Proxies;

/// <summary>The way through a proxy, with a real one between.</summary>
public sealed class ProxyTunnelTests : IDisposable
{
    private readonly TcpListener _target = new(IPAddress.Loopback, 0);

    public ProxyTunnelTests() => _target.Start();

    private int Port => ((IPEndPoint)_target.LocalEndpoint).Port;

    public void Dispose() => _target.Dispose();

    [Theory]
    [InlineData("http", null)]
    [InlineData("http", "user:p@ss:w")]
    [InlineData("socks5", null)]
    [InlineData("socks5h", "user:p@ss:w")]
    public async Task Bytes_pass_both_ways(string scheme, string? login)
    {
        await using var proxy = new ProxyDouble { Login = login };
        var user = login is null ? "" : $"{Uri.EscapeDataString(login.Split(':', 2)[0])}:{Uri.EscapeDataString(login.Split(':', 2)[1])}@";
        await using var stream = await ProxyTunnel.ConnectAsync(new Uri($"{scheme}://{user}{proxy.Address}"), "127.0.0.1", Port, CancellationToken.None);
        using var peer = await _target.AcceptTcpClientAsync();
        await peer.GetStream().WriteAsync("hello"u8.ToArray());
        var read = new byte[5];
        await stream.ReadExactlyAsync(read);
        Assert.Equal("hello"u8, read);
        await stream.WriteAsync("world"u8.ToArray());
        await peer.GetStream().ReadExactlyAsync(read);
        Assert.Equal("world"u8, read);
        Assert.Equal(scheme == "http" ? $"CONNECT 127.0.0.1:{Port} HTTP/1.1" : $"SOCKS 127.0.0.1:{Port}", Assert.Single(proxy.Asked));
    }

    [Theory]
    [InlineData("http", "answered CONNECT 127.0.0.1:1 with 407 Proxy Authentication Required")]
    [InlineData("socks5", "wants a login")]
    public async Task A_proxy_that_wants_a_login_says_so(string scheme, string expected)
    {
        await using var proxy = new ProxyDouble { Login = "a:b" };
        var problem = await Assert.ThrowsAsync<ProxyException>(() =>
            ProxyTunnel.ConnectAsync(new Uri($"{scheme}://{proxy.Address}"), "127.0.0.1", 1, CancellationToken.None));
        Assert.Equal($"the proxy {scheme}://{proxy.Address} {expected}", problem.Message);
        Assert.True(problem.WantsLogin);
    }

    [Fact]
    public async Task A_wrong_login_is_not_printed()
    {
        await using var proxy = new ProxyDouble { Login = "a:b" };
        var problem = await Assert.ThrowsAsync<ProxyException>(() =>
            ProxyTunnel.ConnectAsync(new Uri($"socks5://user:secret@{proxy.Address}"), "127.0.0.1", 1, CancellationToken.None));
        Assert.EndsWith("refused its user and password", problem.Message);
        Assert.DoesNotContain("secret", problem.Message);
    }

    [Fact]
    public async Task A_proxy_that_is_not_there_is_named_as_the_one_that_fails()
    {
        var problem = await Assert.ThrowsAsync<ProxyException>(() =>
            ProxyTunnel.ConnectAsync(new Uri("http://127.0.0.1:1"), "127.0.0.1", Port, CancellationToken.None));
        Assert.StartsWith("the proxy http://127.0.0.1:1 cannot be reached: ", problem.Message);
    }

    [Fact]
    public async Task A_peer_that_is_no_proxy_is_told_apart()
    {
        var answering = Task.Run(async () =>
        {
            using var peer = await _target.AcceptTcpClientAsync();
            await peer.GetStream().WriteAsync("SSH-2.0-x\r\n\r\n"u8.ToArray());
            await peer.GetStream().ReadExactlyAsync(new byte[10]);
        });
        var problem = await Assert.ThrowsAsync<ProxyException>(() =>
            ProxyTunnel.ConnectAsync(new Uri($"http://127.0.0.1:{Port}"), "x.example", 443, CancellationToken.None));
        Assert.EndsWith("with what is not HTTP", problem.Message);
        await answering;
    }
}
