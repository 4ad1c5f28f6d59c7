namespace Slipway.Server.Sessions;

/// <summary>A person at a browser.</summary>
internal sealed record Session
{
    public required string Hash { get; init; }

    public required string UserId { get; init; }

    public long CreatedAt { get; init; }

    public long LastSeenAt { get; init; }

    public long ExpiresAt { get; init; }
}
