using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Slipway.BuildKit.Proxies;

/// <summary>The client's half of SOCKS 5: RFC 1928, with user and password by RFC 1929. The proxy resolves the name.</summary>
internal static class Socks5
{
    private const byte Version = 5;
    private const byte NoLogin = 0;
    private const byte UserAndPassword = 2;
    private const byte Connect = 1;
    private const byte DomainName = 3;

    public static async Task OpenAsync(Stream stream, Uri proxy, string host, int port, CancellationToken cancellation)
    {
        var login = ProxyRules.Login(proxy);
        byte[] greeting = login is null ? [Version, 1, NoLogin] : [Version, 2, NoLogin, UserAndPassword];
        await stream.WriteAsync(greeting, cancellation);
        var choice = await ReadAsync(stream, 2, cancellation);
        if (choice[0] != Version)
        {
            throw new ProxyException(proxy, "does not speak SOCKS 5", null);
        }

        await LogInAsync(stream, proxy, login, choice[1], cancellation);
        await stream.WriteAsync(Request(host, port), cancellation);
        await ReadAnswerAsync(stream, proxy, $"{host}:{port}", cancellation);
    }

    private static async Task LogInAsync(Stream stream, Uri proxy, NetworkCredential? login, byte method, CancellationToken cancellation)
    {
        if (method == NoLogin)
        {
            return;
        }

        if (method != UserAndPassword || login is null)
        {
            throw new ProxyException(proxy, "wants a login", null) { WantsLogin = true };
        }

        await stream.WriteAsync((byte[])[1, .. Short(login.UserName), .. Short(login.Password)], cancellation);
        if ((await ReadAsync(stream, 2, cancellation))[1] != 0)
        {
            throw new ProxyException(proxy, "refused its user and password", null) { WantsLogin = true };
        }
    }

    private static byte[] Request(string host, int port)
    {
        byte[] request = [Version, Connect, 0, DomainName, .. Short(host.Trim('[', ']')), 0, 0];
        BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(request.Length - 2), (ushort)port);
        return request;
    }

    private static async Task ReadAnswerAsync(Stream stream, Uri proxy, string target, CancellationToken cancellation)
    {
        var head = await ReadAsync(stream, 4, cancellation);
        if (head[1] != 0)
        {
            throw new ProxyException(proxy, $"did not connect to {target}: {Reason(head[1])}", null);
        }

        // The address it bound, which nobody needs: IPv4, name or IPv6, then the port.
        var length = head[3] switch
        {
            1 => 4,
            DomainName => (await ReadAsync(stream, 1, cancellation))[0],
            _ => 16,
        };
        await ReadAsync(stream, length + 2, cancellation);
    }

    private static string Reason(byte code) => code switch
    {
        2 => "its rules forbid it",
        3 => "network unreachable",
        4 => "no such host or no route to it",
        5 => "connection refused",
        _ => $"code {code}",
    };

    private static byte[] Short(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return [(byte)bytes.Length, .. bytes];
    }

    private static async Task<byte[]> ReadAsync(Stream stream, int count, CancellationToken cancellation)
    {
        var bytes = new byte[count];
        await stream.ReadExactlyAsync(bytes, cancellation);
        return bytes;
    }
}
