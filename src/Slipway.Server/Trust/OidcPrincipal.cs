using System.Collections.Frozen;

namespace Slipway.Server.Trust;

/// <summary>A CI job, as its provider's verified token describes it, and what it gets from whom.</summary>
internal sealed record OidcPrincipal
{
    public required string Issuer { get; init; }

    /// <summary>The token's "jti", or its hash: never the token.</summary>
    public required string TokenId { get; init; }

    public required string Subject { get; init; }

    public required long ExpiresAt { get; init; }

    /// <summary>What the job is, by <see cref="JobOrigin"/>.</summary>
    public IReadOnlyDictionary<string, string> Origin { get; init; } = JobOrigin.None;

    /// <summary>Every relationship that the token meets, oldest first.</summary>
    public IReadOnlyList<TrustPolicy> Matches { get; init; } = [];

    /// <summary>Those of <see cref="Matches"/> by which a build is not trusted.</summary>
    public IReadOnlySet<string> Untrusted { get; init; } = FrozenSet<string>.Empty;

    /// <summary>Relationships with its issuer that it does not meet.</summary>
    public IReadOnlyList<TrustMatch> Misses { get; init; } = [];

    /// <summary>The relationship that counts for this project: of several one that trusts the build, and of these the oldest.</summary>
    public TrustPolicy? PolicyOf(string projectId) =>
        Matches.Where(policy => policy.ProjectId == projectId).OrderBy(policy => Untrusted.Contains(policy.Id)).FirstOrDefault();

    public bool IsUntrustedBy(string projectId) => PolicyOf(projectId) is not { } policy || Untrusted.Contains(policy.Id);

    /// <summary>How the job got in, for the build's record.</summary>
    public string Through(string projectId)
    {
        var all = Matches.Where(policy => policy.ProjectId == projectId).Select(policy => policy.Id).ToList();
        var counts = PolicyOf(projectId)!.Id;
        var others = all.Count == 1 ? "" : $", the oldest {(counts == all[0] ? "" : "trusted one ")}of {string.Join(", ", all)}";
        return $"trust relationship {counts}{others}{(IsUntrustedBy(projectId) ? ", untrusted" : "")}";
    }

    /// <summary>Which relationship came closest and what differs; nothing of relationships with other organizations.</summary>
    public string WhyNot(string? projectId) => TrustMatch.Closest(Misses, projectId) is not { } closest
        ? "no trust relationship of it matches this job; its owner can add one: slipway admin trust add"
        : $"the closest trust relationship, {closest.Policy.Id}, expects {string.Join(" and ", closest.Differences)}";

    /// <summary>Whose owners are to read of a refusal of this job: the relationship that it uses, or came closest to.</summary>
    public TrustPolicy? Concerned(string? projectId) =>
        (projectId is null ? null : PolicyOf(projectId)) ?? TrustMatch.Closest(Misses, projectId)?.Policy ?? (Matches is [var first, ..] ? first : null);
}
