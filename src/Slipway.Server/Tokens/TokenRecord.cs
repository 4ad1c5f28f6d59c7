namespace Slipway.Server.Tokens;

/// <summary>What is known of a token; never the token.</summary>
internal sealed record TokenRecord
{
    public required string Id { get; init; }

    public required string Kind { get; init; }

    public required string Name { get; init; }

    public string? OrganizationId { get; init; }

    public string? ProjectId { get; init; }

    public string? BuildId { get; init; }

    public string? BuilderId { get; init; }

    public bool Reusable { get; init; }

    public long CreatedAt { get; init; }

    public long? ExpiresAt { get; init; }

    public long? LastUsedAt { get; init; }

    public long? RevokedAt { get; init; }

    /// <summary>When the build of a build token ended.</summary>
    public long? BuildFinishedAt { get; init; }

    /// <summary>When the project of a project token was deleted.</summary>
    public long? ProjectDeletedAt { get; init; }
}
