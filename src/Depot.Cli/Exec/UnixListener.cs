using System.Net.Sockets;
using System.Security.Cryptography;

namespace Depot.Cli.Exec;

/// <summary>A socket in a folder of its owner's only.</summary>
internal sealed class UnixListener : IOwnListener
{
    private const string Name = "buildkit.sock";

    private readonly string _folder;
    private readonly Socket _socket;

    private UnixListener(string folder, Socket socket) => (_folder, _socket) = (folder, socket);

    public string Address => $"unix://{Path.Combine(_folder, Name)}";

    public static UnixListener Open()
    {
        var folder = Path.Combine(Path.GetTempPath(), $"depot-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}");
        OwnerOnly.CreateFolder(folder);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(Path.Combine(folder, Name)));
            socket.Listen();
            return new UnixListener(folder, socket);
        }
        catch
        {
            socket.Dispose();
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    public async Task<Stream> AcceptAsync(CancellationToken cancellation) => new NetworkStream(await _socket.AcceptAsync(cancellation), ownsSocket: true);

    public void Dispose()
    {
        _socket.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
