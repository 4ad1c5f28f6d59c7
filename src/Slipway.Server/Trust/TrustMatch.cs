namespace Slipway.Server.Trust;

/// <summary>A verified token held against one relationship.</summary>
internal sealed class TrustMatch
{
    private const int ShownMax = 80;

    public TrustMatch(JwtText token, TrustPolicy policy)
    {
        var conditions = policy.ReadConditions();
        var differences = conditions
            .Where(condition => !condition.IsMet(token.Claim(condition.Claim)))
            .Select(condition => Differ(condition.Describe(), token.Claim(condition.Claim)))
            .ToList();
        differences.AddRange(policy.ReadPins()
            .Where(pin => token.Claim(pin.Key) is { } id && id != pin.Value)
            .Select(pin => Differ($"{pin.Key} \"{pin.Value}\", as it was when the relationship was first used", token.Claim(pin.Key))));
        Differences = differences;
        IsOfTheSameOwner = IsOwn(conditions, token, TrustProvider.Find(policy.Provider));
    }

    public IReadOnlyList<string> Differences { get; }

    public bool IsMet => Differences.Count == 0;

    /// <summary>Whether the job's owner is the one that the relationship is with: only then may the job learn what differs.</summary>
    public bool IsOfTheSameOwner { get; }

    /// <summary>How records call the job: <c>buildkite acme/app</c>.</summary>
    public static string NameOf(JwtText token, string provider)
    {
        var parts = provider switch
        {
            "buildkite" => $"{token.Claim("organization_slug")}/{token.Claim("pipeline_slug")}",
            "github" => token.Claim("repository"),
            "gitlab" => token.Claim("project_path"),
            "circleci" => token.Claim("oidc.circleci.com/project-id"),
            _ => token.Claim("sub"),
        };
        return $"{provider} {Clip(parts ?? token.Claim("sub") ?? "job")}";
    }

    private static bool IsOwn(IReadOnlyList<ClaimCondition> conditions, JwtText token, TrustProvider provider)
    {
        var owner = provider.Owner.Count > 0 ? conditions.Where(condition => provider.Owner.Contains(condition.Claim)).ToList() : [];
        return owner.Count > 0
            ? owner.All(condition => condition.IsMet(token.Claim(condition.Claim)))
            : provider == TrustProvider.CircleCI || conditions.Any(condition => condition.IsMet(token.Claim(condition.Claim)));
    }

    private static string Differ(string expected, string? found) =>
        found is null ? $"{expected}, the token does not say" : $"{expected}, the token says \"{Clip(found)}\"";

    private static string Clip(string text)
    {
        var printable = new string([.. text.Where(letter => !char.IsControl(letter))]);
        return printable.Length <= ShownMax ? printable : printable[..ShownMax] + "…";
    }
}
