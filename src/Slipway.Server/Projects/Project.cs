namespace Slipway.Server.Projects;

/// <summary>What builds and a cache belong to.</summary>
internal sealed record Project
{
    public required string Id { get; init; }

    public required string OrganizationId { get; init; }

    public required string Name { get; init; }

    public string OrganizationName { get; init; } = "";

    public long CreatedAt { get; init; }

    /// <summary>0: no limit.</summary>
    public long CacheKeepBytes { get; init; }

    /// <summary>0: no limit.</summary>
    public long CacheKeepDays { get; init; }
}

/// <summary>What projects belong to.</summary>
internal sealed record Organization
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public long CreatedAt { get; init; }
}
