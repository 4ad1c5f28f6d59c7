using System.Security.Cryptography.X509Certificates;
using Slipway.BuildKit.Wire.Control;

namespace Slipway.Builder.Access;

/// <summary>One run of a project's engine as the server knows it: the name that clients verify, and the way to the engine.</summary>
internal sealed class Lease
{
    private X509Certificate2? _certificate;

    public required string LeaseId { get; init; }

    /// <summary>The DNS name that clients send as SNI, unique to this lease.</summary>
    public required string ServerName { get; init; }

    public required string ProjectId { get; init; }

    public required string Architecture { get; init; }

    /// <summary>Opens one raw HTTP/2 stream to the engine.</summary>
    public required Func<CancellationToken, ValueTask<Stream>> Dial { get; init; }

    /// <summary>The engine's own account of one solve (<c>Control.Status</c>), over a connection that is not the client's.</summary>
    public required Func<string, CancellationToken, IAsyncEnumerable<StatusResponse>> Watch { get; init; }

    /// <summary>A token of the engine run that serves the lease now; it fires when that run dies without being told to stop.</summary>
    public required Func<CancellationToken> EngineLost { get; init; }

    /// <summary>With its private key; replaced whole at renewal, while handshakes may still use the one before it
    /// (which is why that one is left to the garbage collector).</summary>
    public X509Certificate2? Certificate
    {
        get => Volatile.Read(ref _certificate);
        set => Volatile.Write(ref _certificate, value);
    }
}
