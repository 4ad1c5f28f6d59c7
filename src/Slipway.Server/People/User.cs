namespace Slipway.Server.People;

/// <summary>A person.</summary>
internal sealed record User
{
    public required string Id { get; init; }

    /// <summary>Lower case; one person has one.</summary>
    public required string Email { get; init; }

    public string Name { get; init; } = "";

    /// <summary>Null: signs in through the identity provider.</summary>
    public string? PasswordHash { get; init; }

    /// <summary>May do everything on this server, at a browser.</summary>
    public bool Operator { get; init; }

    public long CreatedAt { get; init; }
}

/// <summary>A person's place in an organization, or the invitation to one.</summary>
internal sealed record Member
{
    /// <summary>Null while invited.</summary>
    public string? UserId { get; init; }

    public required string Email { get; init; }

    public required string OrganizationId { get; init; }

    public required string Role { get; init; }

    public long CreatedAt { get; init; }

    /// <summary>When the invitation ends; null for members.</summary>
    public long? ExpiresAt { get; init; }
}
