using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;

namespace Slipway.BuildKit.Proxies;

/// <summary>Opens TCP connections, through a proxy where one leads there: HTTP's CONNECT (RFC 9110 §9.3.6) or SOCKS 5 (RFC 1928).</summary>
public static class ProxyTunnel
{
    /// <summary>A proxy's answer to CONNECT is a few lines.</summary>
    private const int HeadBytesMax = 16 * 1024;

    /// <summary>Connects to <paramref name="host"/>: straight when <paramref name="proxy"/> is null.</summary>
    /// <exception cref="SocketException">The host itself does not answer.</exception>
    /// <exception cref="ProxyException">The proxy does not answer, or does not open the way.</exception>
    public static async Task<Stream> ConnectAsync(Uri? proxy, string host, int port, CancellationToken cancellation)
    {
        if (proxy is null)
        {
            return await DialAsync(host, port, cancellation);
        }

        var stream = await ReachAsync(proxy, cancellation);
        try
        {
            await (proxy.Scheme.StartsWith("socks5", StringComparison.Ordinal)
                ? Socks5.OpenAsync(stream, proxy, host, port, cancellation)
                : OpenAsync(stream, proxy, host, port, cancellation));
            return stream;
        }
        catch (Exception problem) when (problem is IOException and not ProxyException)
        {
            await stream.DisposeAsync();
            throw new ProxyException(proxy, $"broke the connection off: {problem.Message.TrimEnd('.')}", problem);
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    private static async Task<NetworkStream> DialAsync(string host, int port, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(host, port, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task<Stream> ReachAsync(Uri proxy, CancellationToken cancellation)
    {
        var port = proxy.IsDefaultPort || proxy.Port < 0 ? DefaultPort(proxy.Scheme) : proxy.Port;
        try
        {
            var plain = await DialAsync(proxy.IdnHost, port, cancellation);
            if (proxy.Scheme != Uri.UriSchemeHttps)
            {
                return plain;
            }

            var secure = new SslStream(plain);
            await secure.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = proxy.IdnHost }, cancellation);
            return secure;
        }
        catch (Exception problem) when (problem is SocketException or IOException or AuthenticationException)
        {
            throw new ProxyException(proxy, $"cannot be reached: {(problem.InnerException ?? problem).Message}", problem);
        }
    }

    private static int DefaultPort(string scheme) => scheme switch
    {
        "http" => 80,
        "https" => 443,
        _ => 1080,
    };

    private static async Task OpenAsync(Stream stream, Uri proxy, string host, int port, CancellationToken cancellation)
    {
        var target = string.Create(CultureInfo.InvariantCulture, $"{(host.Contains(':', StringComparison.Ordinal) ? $"[{host.Trim('[', ']')}]" : host)}:{port}");
        var login = ProxyRules.Login(proxy) is { } user
            ? $"Proxy-Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user.UserName}:{user.Password}"))}\r\n"
            : "";
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{login}\r\n"), cancellation);
        await stream.FlushAsync(cancellation);
        var status = StatusOf(await ReadHeadAsync(stream, proxy, cancellation));
        if (!status.StartsWith('2'))
        {
            throw new ProxyException(proxy, $"answered CONNECT {target} with {status}", null)
            {
                WantsLogin = status.StartsWith("407", StringComparison.Ordinal),
            };
        }
    }

    /// <summary>Code and reason of <c>HTTP/1.1 407 Proxy Authentication Required</c>.</summary>
    private static string StatusOf(string head)
    {
        var line = head.Split("\r\n")[0];
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        return line.StartsWith("HTTP/", StringComparison.Ordinal) && space > 0 ? line[(space + 1)..].Trim() : "what is not HTTP";
    }

    /// <summary>Byte by byte: what follows the head is the tunnel's.</summary>
    private static async Task<string> ReadHeadAsync(Stream stream, Uri proxy, CancellationToken cancellation)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (head.Length < HeadBytesMax)
        {
            if (await stream.ReadAsync(one, cancellation) == 0)
            {
                throw new ProxyException(proxy, "closed the connection instead of answering CONNECT", null);
            }

            head.Append((char)one[0]);
            if (one[0] == '\n' && head.Length >= 4 && head[^2] == '\r' && head[^3] == '\n')
            {
                return head.ToString();
            }
        }

        throw new ProxyException(proxy, "answered CONNECT with what is not HTTP", null);
    }
}
