using System.IO.Pipes;
using System.Net.Sockets;

namespace Slipway.BuildKit;

/// <summary>Connects to a service of this machine (a Docker daemon, an SSH agent): by a Unix socket, on Windows by a named pipe, too.</summary>
public static class LocalService
{
    /// <summary>What Windows' pipes of this machine begin with.</summary>
    private const string PipePrefix = @"\\.\pipe\";

    public static bool IsPipe(string path) => path.StartsWith(PipePrefix, StringComparison.OrdinalIgnoreCase);

    /// <exception cref="SocketException">Nobody listens at the socket, or this user may not connect.</exception>
    /// <exception cref="IOException">The same of a pipe; one that is not there is waited for.</exception>
    public static Task<Stream> ConnectAsync(string path, CancellationToken cancellation) =>
        OperatingSystem.IsWindows() && IsPipe(path) ? ConnectPipeAsync(path[PipePrefix.Length..], cancellation) : ConnectSocketAsync(path, cancellation);

    internal static async Task<Stream> ConnectPipeAsync(string name, CancellationToken cancellation)
    {
        var pipe = new NamedPipeClientStream(".", name, PipeDirection.InOut, PipeOptions.Asynchronous);
        try
        {
            await pipe.ConnectAsync(cancellation);
            return pipe;
        }
        catch (UnauthorizedAccessException forbidden)
        {
            await pipe.DisposeAsync();
            throw new IOException("permission denied", forbidden);
        }
        catch
        {
            await pipe.DisposeAsync();
            throw;
        }
    }

    private static async Task<Stream> ConnectSocketAsync(string path, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
