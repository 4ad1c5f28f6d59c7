namespace Slipway.Server.Trust;

/// <summary>A CI job, as its provider's verified token describes it, and what it gets from whom.</summary>
internal sealed record OidcPrincipal
{
    public required string Issuer { get; init; }

    /// <summary>The token's "jti", or its hash: never the token.</summary>
    public required string TokenId { get; init; }

    public required string Subject { get; init; }

    public required long ExpiresAt { get; init; }

    /// <summary>Every relationship that the token meets, oldest first.</summary>
    public IReadOnlyList<TrustPolicy> Matches { get; init; } = [];

    /// <summary>Relationships with the job's own organization that it does not meet, with what differs.</summary>
    public IReadOnlyList<TrustMiss> Misses { get; init; } = [];

    /// <summary>The relationship that counts for this project: of several the oldest.</summary>
    public TrustPolicy? PolicyOf(string projectId) => Matches.FirstOrDefault(policy => policy.ProjectId == projectId);

    /// <summary>How the job got in, for the build's record.</summary>
    public string Through(string projectId)
    {
        var all = Matches.Where(policy => policy.ProjectId == projectId).Select(policy => policy.Id).ToList();
        return all.Count == 1 ? $"trust relationship {all[0]}" : $"trust relationship {all[0]}, the oldest of {string.Join(", ", all)}";
    }

    /// <summary>Which relationship came closest and what differs; nothing of relationships with other organizations.</summary>
    public string WhyNot(string? projectId)
    {
        var own = Misses.Where(miss => miss.Policy.ProjectId == projectId).ToList();
        var closest = (own.Count > 0 ? own : Misses).OrderBy(miss => miss.Differences.Count).ThenBy(miss => miss.Policy.CreatedAt).FirstOrDefault();
        return closest is null
            ? "no trust relationship of it matches this job; its owner can add one: slipway admin trust add"
            : $"the closest trust relationship, {closest.Policy.Id}, expects {string.Join(" and ", closest.Differences)}";
    }
}

/// <summary>A relationship that a token does not meet.</summary>
/// <param name="Differences">In words: <c>pipeline_slug "app", the token says "web"</c>.</param>
internal sealed record TrustMiss(TrustPolicy Policy, IReadOnlyList<string> Differences);
