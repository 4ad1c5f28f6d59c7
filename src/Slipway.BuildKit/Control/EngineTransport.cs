using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Slipway.BuildKit.Control;

/// <summary>Connects to an engine without TLS: a buildkitd, or the BuildKit inside a Docker daemon.</summary>
public static class EngineTransport
{
    /// <summary>buildkitd's customary TCP port.</summary>
    private const int DefaultPort = 1234;

    private const int SendBufferBytes = 1024 * 1024;

    private const int HeadBytesMax = 16 * 1024;

    private static readonly byte[] EndOfHead = "\r\n\r\n"u8.ToArray();

    /// <summary>Connects to <c>unix:///path</c> or <c>tcp://host:port</c>; the stream that comes back speaks HTTP/2 with prior knowledge.</summary>
    /// <param name="dockerUpgrade">The address is a Docker daemon's: asks it for its BuildKit first (<c>POST /grpc</c>).</param>
    /// <exception cref="IOException">Nobody answers there, or not with BuildKit.</exception>
    public static async Task<Stream> ConnectAsync(Uri address, bool dockerUpgrade, CancellationToken cancellation)
    {
        var socket = await DialAsync(address, cancellation);
        try
        {
            if (dockerUpgrade)
            {
                await UpgradeAsync(socket, address, cancellation);
            }

            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (SocketException failure)
        {
            socket.Dispose();
            throw new IOException($"The engine at {address} broke the connection off: {failure.Message}.", failure);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task<Socket> DialAsync(Uri address, CancellationToken cancellation)
    {
        var unix = address.Scheme == "unix";
        if (!unix && address.Scheme != "tcp")
        {
            throw new IOException($"The engine's address {address} is neither unix:///path nor tcp://host:port.");
        }

        var socket = unix
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await (unix
                ? socket.ConnectAsync(new UnixDomainSocketEndPoint(address.LocalPath), cancellation)
                : socket.ConnectAsync(address.Host, address.IsDefaultPort || address.Port < 0 ? DefaultPort : address.Port, cancellation));
            if (unix && OperatingSystem.IsLinux())
            {
                Widen(socket);
            }

            return socket;
        }
        catch (SocketException failure)
        {
            socket.Dispose();
            throw new IOException($"No engine answers at {address}: {failure.Message}.", failure);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Room for all that an engine's windows let be on its way (golang.org/x/net grants 1 MiB), so that a bulk transfer does not stop
    /// every 200 KiB. Only root may go beyond net.core.wmem_max; without, the kernel's own size stays.</summary>
    private static void Widen(Socket socket)
    {
        const int SolSocket = 1;
        const int SendBufferForce = 32;
        try
        {
            socket.SetRawSocketOption(SolSocket, SendBufferForce, BitConverter.GetBytes(SendBufferBytes));
        }
        catch (SocketException)
        {
        }
    }

    private static async Task UpgradeAsync(Socket socket, Uri address, CancellationToken cancellation)
    {
        await SendAsync(
            socket, "POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n"u8.ToArray(), cancellation);
        var head = await ReadHeadAsync(socket, cancellation);
        if (!head.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal))
        {
            var said = head.Split("\r\n")[0];
            throw new IOException(string.Create(
                CultureInfo.InvariantCulture, $"The Docker daemon at {address} does not offer BuildKit: it answered '{said}'. Docker 18.09 or newer does."));
        }
    }

    private static async Task SendAsync(Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes, cancellation)..];
        }
    }

    /// <summary>Reads up to the empty line and not a byte further: the daemon's first HTTP/2 frames may stand in the same packet.</summary>
    private static async Task<string> ReadHeadAsync(Socket socket, CancellationToken cancellation)
    {
        var head = new byte[HeadBytesMax];
        var length = 0;
        while (length < head.Length)
        {
            var peeked = await socket.ReceiveAsync(head.AsMemory(length), SocketFlags.Peek, cancellation);
            if (peeked == 0)
            {
                throw new IOException("The Docker daemon closed the connection instead of answering.");
            }

            var end = head.AsSpan(0, length + peeked).IndexOf(EndOfHead);
            var take = end < 0 ? peeked : end + EndOfHead.Length - length;
            length += await socket.ReceiveAsync(head.AsMemory(length, take), SocketFlags.None, cancellation);
            if (end >= 0)
            {
                return Encoding.Latin1.GetString(head, 0, end);
            }
        }

        throw new IOException("The Docker daemon's answer is not HTTP.");
    }
}
