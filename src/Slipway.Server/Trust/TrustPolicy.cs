using System.Text.Json;
using Slipway.Server.Access;

namespace Slipway.Server.Trust;

/// <summary>A project's word that jobs of an issuer which meet all conditions may build it.</summary>
internal sealed record TrustPolicy
{
    // Read once: every token of the issuer is held against every relationship with it.
    private IReadOnlyList<ClaimCondition>? _conditions;
    private IReadOnlyDictionary<string, string>? _pins;
    private AddressList? _allowed;

    public required string Id { get; init; }

    public required string ProjectId { get; init; }

    public string OrganizationId { get; init; } = "";

    public required string Provider { get; init; }

    public required string Issuer { get; init; }

    /// <summary>JSON; <see cref="ReadConditions"/> reads it.</summary>
    public required string Conditions { get; init; }

    /// <summary>JSON object: ids that later tokens must carry, too.</summary>
    public string Pins { get; init; } = "{}";

    public bool DepotAudience { get; init; }

    public bool SingleUse { get; init; }

    /// <summary>One of <see cref="TrustTier"/>'s.</summary>
    public string Tier { get; init; } = TrustTier.Trusted;

    /// <summary>Who added it, as records call them; empty for those from before this was kept.</summary>
    public string CreatedBy { get; init; } = "";

    /// <summary>An <see cref="AddressList"/> as it is stored: where the jobs may call from.</summary>
    public string AllowedFrom { get; init; } = "";

    public long CreatedAt { get; init; }

    public long? LastUsedAt { get; init; }

    public IReadOnlyList<ClaimCondition> ReadConditions() => _conditions ??=
        JsonSerializer.Deserialize<List<ClaimCondition>>(Conditions) ?? throw new InvalidDataException($"trust relationship {Id} has no conditions");

    public IReadOnlyDictionary<string, string> ReadPins() => _pins ??= JsonSerializer.Deserialize<Dictionary<string, string>>(Pins) ?? [];

    public bool CountsAt(string address) => AllowedFrom.Length == 0 || (_allowed ??= AddressList.Stored(AllowedFrom)).Has(address);

    public static string Write(IReadOnlyList<ClaimCondition> conditions) => JsonSerializer.Serialize(conditions);
}
