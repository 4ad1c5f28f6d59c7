using System.Net.Sockets;
using System.Text;

namespace Slipway.Builder.Engine;

/// <summary>Ways to a BuildKit that speaks HTTP/2 with prior knowledge.</summary>
internal static class EngineDial
{
    /// <summary>A 101 answer is about 100 bytes; an error answer is not read beyond this.</summary>
    private const int AnswerBytesMax = 8 * 1024;

    public static async ValueTask<Stream> UnixAsync(string path, CancellationToken cancellation) =>
        await ConnectAsync(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified),
            socket => socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation), path);

    public static async ValueTask<Stream> TcpAsync(string host, int port, CancellationToken cancellation) =>
        await ConnectAsync(new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true },
            socket => socket.ConnectAsync(host, port, cancellation), $"{host}:{port}");

    /// <summary>The BuildKit inside a dockerd: <c>POST /grpc</c> with an upgrade to h2c, answered by 101, then HTTP/2 from its preface on.</summary>
    public static async ValueTask<Stream> DockerdAsync(string socketPath, CancellationToken cancellation)
    {
        var stream = await UnixAsync(socketPath, cancellation);
        try
        {
            await stream.WriteAsync(
                "POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n"u8.ToArray(), cancellation);
            var answer = await ReadHeadAsync(stream, cancellation);
            if (!answer.StartsWith("HTTP/1.1 101", StringComparison.Ordinal))
            {
                throw new IOException($"dockerd at {socketPath} offers no BuildKit: it answered \"{answer.Split('\r')[0]}\"");
            }

            return stream;
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    /// <summary>Reads to the empty line and not a byte further: what follows is HTTP/2 and belongs to the caller.</summary>
    private static async Task<string> ReadHeadAsync(Stream stream, CancellationToken cancellation)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (head.Length < AnswerBytesMax && await stream.ReadAsync(one, cancellation) == 1)
        {
            head.Append((char)one[0]);
            if (one[0] == '\n' && head.Length >= 4 && head.ToString(head.Length - 4, 4) == "\r\n\r\n")
            {
                break;
            }
        }

        return head.ToString();
    }

    private static async Task<Stream> ConnectAsync(Socket socket, Func<Socket, ValueTask> connect, string address)
    {
        try
        {
            await connect(socket);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new IOException($"the build engine at {address} cannot be reached: {e.Message}", e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
