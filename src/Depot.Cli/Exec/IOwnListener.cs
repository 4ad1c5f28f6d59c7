namespace Depot.Cli.Exec;

/// <summary>Listens where nobody but this user can connect. A port on loopback would let every user of the machine build with this token.</summary>
internal interface IOwnListener : IDisposable
{
    /// <summary>As BuildKit's clients write it.</summary>
    string Address { get; }

    Task<Stream> AcceptAsync(CancellationToken cancellation);
}
