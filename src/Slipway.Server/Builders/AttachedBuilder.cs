using System.Threading.Channels;
using Slipway.Contract.Fleet.V1;
using Slipway.Server.Leasing;

namespace Slipway.Server.Builders;

/// <summary>One builder's standing connection. Its mutable parts are guarded by <see cref="Fleet"/>.</summary>
internal sealed class AttachedBuilder : IDisposable
{
    // A builder that leaves so many messages unread is not alive, whatever its heartbeats say.
    private const int OutboxMax = 4096;

    private readonly CancellationTokenSource _gone;
    private readonly Channel<ServerMessage> _outbox = Channel.CreateBounded<ServerMessage>(OutboxMax);

    public AttachedBuilder(Builder builder, CancellationToken cancellation)
    {
        Builder = builder;
        Draining = StoredDraining = builder.Draining;
        Architectures = builder.Architectures.Split(',', StringSplitOptions.RemoveEmptyEntries);
        _gone = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Gone = _gone.Token;
    }

    public Builder Builder { get; }

    public string Id => Builder.Id;

    /// <summary>Native ones.</summary>
    public IReadOnlyList<string> Architectures { get; }

    /// <summary>What the machine emulates beside them.</summary>
    public IReadOnlyList<string> EmulatedArchitectures { get; init; } = [];

    public bool Draining { get; set; }

    /// <summary>The flag as the database last had it.</summary>
    public bool StoredDraining { get; set; }

    public long AttachedAt { get; init; }

    /// <summary>By project and architecture.</summary>
    public HashSet<(string ProjectId, string Architecture)> Caches { get; } = [];

    public Dictionary<string, Lease> Leases { get; } = new(StringComparer.Ordinal);

    /// <summary>Builds that were let in here before the builder attached, and that it no longer knows.</summary>
    public HashSet<string> Missing { get; } = new(StringComparer.Ordinal);

    public ChannelReader<ServerMessage> Outbox => _outbox.Reader;

    /// <summary>Fires when the connection is to end, or has ended.</summary>
    public CancellationToken Gone { get; }

    /// <summary>The architecture of the engine here that serves builds for <paramref name="architecture"/>; null when none does.</summary>
    /// <remarks>An emulated platform is built by the native engine, so that both share one cache.</remarks>
    public string? EngineFor(string architecture, bool emulated) =>
        Architectures.Contains(architecture, StringComparer.Ordinal) ? architecture
        : emulated && EmulatedArchitectures.Contains(architecture, StringComparer.Ordinal) ? Architectures[0]
        : null;

    public void Send(ServerMessage message)
    {
        if (!_outbox.Writer.TryWrite(message))
        {
            Disconnect();
        }
    }

    public void Disconnect()
    {
        try
        {
            _gone.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The connection ended by itself at the same moment.
        }
    }

    public void Dispose() => _gone.Dispose();
}
