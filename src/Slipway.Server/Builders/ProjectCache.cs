namespace Slipway.Server.Builders;

/// <summary>One of a project's caches, and the builder that holds it.</summary>
internal sealed record ProjectCache
{
    /// <summary>A <see cref="Leasing.CacheScope"/>.</summary>
    public required string Scope { get; init; }

    public required string Architecture { get; init; }

    public bool ResetPending { get; init; }

    public required string BuilderId { get; init; }

    public required string BuilderName { get; init; }

    public long? LastSeenAt { get; init; }
}
