using System.Net;
using System.Net.Sockets;

namespace Slipway.AcceptanceTests.Support;

/// <summary>A TCP port that leads to another one over a line of a given rate, and counts what goes there.</summary>
public sealed class ThinLine : IAsyncDisposable
{
    private const int PieceBytes = 16 * 1024;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly int _target;
    private readonly int _bytesPerSecond;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;
    private long _sent;

    public ThinLine(int target, int bytesPerSecond)
    {
        (_target, _bytesPerSecond) = (target, bytesPerSecond);

        // A line has no store of megabytes at its beginning, as a socket of this machine has.
        _listener.Server.ReceiveBufferSize = 4 * PieceBytes;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Bytes that went to the target since this was last asked.</summary>
    public long TakeSent() => Interlocked.Exchange(ref _sent, 0);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            _ = JoinAsync(await _listener.AcceptSocketAsync(_stop.Token));
        }
    }

    private async Task JoinAsync(Socket client)
    {
        using var near = client;
        using var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await far.ConnectAsync(IPAddress.Loopback, _target, _stop.Token);
            await Task.WhenAny(CopyAsync(near, far, SendAsync), CopyAsync(far, near, static (_, _) => Task.CompletedTask));
        }
        catch (Exception end) when (end is SocketException or OperationCanceledException)
        {
            // Either side left.
        }
    }

    /// <summary>Takes as long as the line would.</summary>
    private async Task SendAsync(int bytes, CancellationToken cancellation)
    {
        Interlocked.Add(ref _sent, bytes);
        if (_bytesPerSecond > 0)
        {
            await Task.Delay(TimeSpan.FromSeconds((double)bytes / _bytesPerSecond), cancellation);
        }
    }

    private async Task CopyAsync(Socket from, Socket to, Func<int, CancellationToken, Task> pass)
    {
        var buffer = new byte[PieceBytes];
        int read;
        while ((read = await from.ReceiveAsync(buffer, _stop.Token)) > 0)
        {
            await pass(read, _stop.Token);
            for (var sent = 0; sent < read;)
            {
                sent += await to.SendAsync(buffer.AsMemory(sent, read - sent), _stop.Token);
            }
        }
    }
}
