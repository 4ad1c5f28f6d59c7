namespace Slipway.Server.Builders;

/// <summary>A machine that has enrolled, whether it is connected or not.</summary>
internal sealed record Builder
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public long CreatedAt { get; init; }

    public bool Draining { get; init; }

    public string Version { get; init; } = "";

    /// <summary>Separated by commas.</summary>
    public string Architectures { get; init; } = "";

    public string EngineKind { get; init; } = "";

    public string EngineVersion { get; init; } = "";

    public string Address { get; init; } = "";

    public long? LastSeenAt { get; init; }
}
