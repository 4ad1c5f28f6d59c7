using System.IO.Pipes;
using System.Security.Cryptography;

namespace Depot.Cli.Exec;

/// <summary>A named pipe of Windows, where BuildKit's clients know no sockets.</summary>
internal sealed class PipeListener : IOwnListener
{
    private readonly string _name = $"depot-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}";
    private NamedPipeServerStream _next;

    public PipeListener() => _next = Create();

    public string Address => $"npipe:////./pipe/{_name}";

    internal string Name => _name;

    public async Task<Stream> AcceptAsync(CancellationToken cancellation)
    {
        await _next.WaitForConnectionAsync(cancellation);

        // There is always one that waits: a client that finds none does not try again.
        var connected = _next;
        _next = Create();
        return connected;
    }

    public void Dispose() => _next.Dispose();

    private NamedPipeServerStream Create() => new(
        _name, PipeDirection.InOut, NamedPipeServerStream.MaxAllowedServerInstances, PipeTransmissionMode.Byte, PipeOptions.Asynchronous | PipeOptions.CurrentUserOnly);
}
