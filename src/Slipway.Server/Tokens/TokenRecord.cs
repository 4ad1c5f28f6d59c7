using Slipway.Server.Access;
using Slipway.Server.Audit;

namespace Slipway.Server.Tokens;

/// <summary>What is known of a token; never the token.</summary>
internal sealed record TokenRecord
{
    // Read once: a token's record is remembered, and asked with every call.
    private AddressList? _allowed;

    public required string Id { get; init; }

    public required string Kind { get; init; }

    public required string Name { get; init; }

    public string? OrganizationId { get; init; }

    public string? ProjectId { get; init; }

    public string? BuildId { get; init; }

    public string? BuilderId { get; init; }

    /// <summary>The person whose it is; null for the operator's own.</summary>
    public string? UserId { get; init; }

    public string? UserEmail { get; init; }

    /// <summary>What an organization's token may do there; null is owner.</summary>
    public string? Role { get; init; }

    public bool Reusable { get; init; }

    /// <summary>Who made it, as records call them; empty for a build's or a builder's, and for those from before this was kept.</summary>
    public string CreatedBy { get; init; } = "";

    /// <summary>An <see cref="AddressList"/> as it is stored: where calls with it may come from.</summary>
    public string AllowedFrom { get; init; } = "";

    public long CreatedAt { get; init; }

    public long? ExpiresAt { get; init; }

    public long? LastUsedAt { get; init; }

    public long? RevokedAt { get; init; }

    /// <summary>When the build of a build token ended.</summary>
    public long? BuildFinishedAt { get; init; }

    /// <summary>Whether the build that it belongs to is an untrusted one.</summary>
    public bool BuildUntrusted { get; init; }

    /// <summary>When the project of a project token was deleted.</summary>
    public long? ProjectDeletedAt { get; init; }

    /// <summary>How people tell it from others: never the token.</summary>
    public string Owner => UserEmail ?? ProjectId ?? OrganizationId ?? "this server";

    public bool CountsAt(string address) => AllowedFrom.Length == 0 || (_allowed ??= AddressList.Stored(AllowedFrom)).Has(address);

    /// <summary>What the audit log says of a change to it.</summary>
    public AuditEntry Record(Caller caller, string action, long now) => AuditEntry.By(caller, action, $"token {Id}", now) with
    {
        OrganizationId = OrganizationId ?? "",
        ProjectId = ProjectId ?? "",
        Detail = $"{Kind} token \"{Name}\" of {Owner}{(Role is null ? "" : $", {Role}")}{(AllowedFrom.Length == 0 ? "" : $", from {AllowedFrom}")}",
    };
}
