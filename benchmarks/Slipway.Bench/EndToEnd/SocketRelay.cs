using System.Net.Sockets;
using System.Text;

namespace Slipway.Bench.EndToEnd;

/// <summary>A unix socket that leads to another one and counts what passes; with <c>upgrade</c> to the BuildKit behind a Docker daemon's socket, so that
/// any BuildKit client can use it.</summary>
internal sealed class SocketRelay : IAsyncDisposable
{
    private static readonly byte[] Upgrade =
        "POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n"u8.ToArray();

    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _target;
    private readonly bool _upgrade;
    private readonly Task _accepting;
    private long _sent;

    public SocketRelay(string path, string target, bool upgrade = false)
    {
        (Path, _target, _upgrade) = (path, target, upgrade);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen();
        _accepting = AcceptAsync();
    }

    public string Path { get; }

    /// <summary>Bytes that went to the target since this was last asked.</summary>
    public long TakeSent() => Interlocked.Exchange(ref _sent, 0);

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = JoinAsync(await _listener.AcceptAsync());
            }
        }
        catch (Exception problem) when (problem is SocketException or ObjectDisposedException)
        {
            // The benchmark is over.
        }
    }

    private async Task JoinAsync(Socket client)
    {
        using var near = client;
        using var far = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await far.ConnectAsync(new UnixDomainSocketEndPoint(_target));
            if (_upgrade)
            {
                await far.SendAsync(Upgrade);
                await SkipHeadAsync(far);
            }

            await Task.WhenAll(CopyAsync(near, far, count: true), CopyAsync(far, near, count: false));
        }
        catch (SocketException)
        {
            // Either side left.
        }
    }

    private static async Task SkipHeadAsync(Socket far)
    {
        var one = new byte[1];
        var head = new StringBuilder();
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await far.ReceiveAsync(one) > 0)
        {
            head.Append((char)one[0]);
        }
    }

    private async Task CopyAsync(Socket from, Socket to, bool count)
    {
        var buffer = new byte[256 * 1024];
        int read;
        while ((read = await from.ReceiveAsync(buffer)) > 0)
        {
            if (count)
            {
                Interlocked.Add(ref _sent, read);
            }

            for (var sent = 0; sent < read;)
            {
                sent += await to.SendAsync(buffer.AsMemory(sent, read - sent));
            }
        }

        to.Shutdown(SocketShutdown.Send);
    }
}
