using System.Net.Sockets;

namespace Depot.Cli.Docker.Plugin;

/// <summary>The socket by whose end the Docker CLI tells a plugin that the user wants it to stop.</summary>
/// <remarks><c>DOCKER_CLI_PLUGIN_SOCKET</c> names it; <c>@</c> begins an abstract name. Nothing is ever written to it.</remarks>
internal sealed class CancelSocket : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    private CancelSocket()
    {
    }

    /// <param name="name">Null when this program was not started by the Docker CLI.</param>
    public static CancelSocket? Watch(string? name, Action cancel)
    {
        if (name is null)
        {
            return null;
        }

        var watch = new CancelSocket();
        try
        {
            watch._socket.Connect(new UnixDomainSocketEndPoint(name[0] == '@' ? '\0' + name[1..] : name));
            _ = watch.WaitAsync(cancel);
            return watch;
        }
        catch (SocketException)
        {
            // A Docker CLI that does not listen there sends signals.
            watch.Dispose();
            return null;
        }
    }

    public void Dispose() => _socket.Dispose();

    private async Task WaitAsync(Action cancel)
    {
        var nothing = new byte[1];
        try
        {
            while (await _socket.ReceiveAsync(nothing) > 0)
            {
            }

            cancel();
        }
        catch (Exception problem) when (problem is SocketException or ObjectDisposedException)
        {
            // This program ends first, or the Docker CLI was killed, which asks for nothing.
        }
    }
}
