using Slipway.Contract;

namespace Slipway.Server.Trust;

/// <summary>A verified token held against one relationship. Words are made when somebody asks: most tokens miss most relationships, and nobody does.</summary>
/// <param name="address">Where the call came from.</param>
internal sealed class TrustMatch(JwtText token, TrustPolicy policy, string address)
{
    private const int ShownMax = 80;

    public TrustPolicy Policy => policy;

    public bool IsMet => policy.CountsAt(address) && MeetsConditions() && CarriesPins();

    /// <summary>What differs, in words: <c>pipeline_slug "app", the token says "web"</c>.</summary>
    public IReadOnlyList<string> Differences => [.. Unmet().Select(condition => Differ(condition.Describe(), token.Claim(condition.Claim))),
        .. OtherIds().Select(pin => Differ($"{pin.Key} \"{pin.Value}\", as it was when the relationship was first used", token.Claim(pin.Key))),
        .. Elsewhere()];

    /// <summary>Whether the job's owner is the one that the relationship is with: only then may the job learn what differs.</summary>
    public bool IsOfTheSameOwner => IsOwn(policy.ReadConditions(), token, TrustProvider.Find(policy.Provider));

    /// <summary>Of relationships with the job's own organization the one that differs least; one of this project goes first.</summary>
    public static TrustMatch? Closest(IEnumerable<TrustMatch> misses, string? projectId) => misses
        .Where(miss => miss.IsOfTheSameOwner)
        .OrderByDescending(miss => miss.Policy.ProjectId == projectId)
        .ThenBy(miss => miss.Differences.Count)
        .ThenBy(miss => miss.Policy.CreatedAt)
        .FirstOrDefault();

    // Loops: a company's token is held against each of its relationships, with every call.
    private bool MeetsConditions()
    {
        foreach (var condition in policy.ReadConditions())
        {
            if (!condition.IsMet(token.Claim(condition.Claim)))
            {
                return false;
            }
        }

        return true;
    }

    private bool CarriesPins()
    {
        foreach (var pin in policy.ReadPins())
        {
            if (IsOther(pin))
            {
                return false;
            }
        }

        return true;
    }

    private bool IsOther(KeyValuePair<string, string> pin) => token.Claim(pin.Key) is { } id && id != pin.Value;

    private IEnumerable<ClaimCondition> Unmet() => policy.ReadConditions().Where(condition => !condition.IsMet(token.Claim(condition.Claim)));

    // Not which addresses it takes: the token may be in the wrong hands.
    private IEnumerable<string> Elsewhere() => policy.CountsAt(address) ? [] : [$"another address, the call comes from {address}"];

    private IEnumerable<KeyValuePair<string, string>> OtherIds() => policy.ReadPins().Where(IsOther);

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
        return $"{provider} {Printable(parts ?? token.Claim("sub") ?? "job")}";
    }

    private static bool IsOwn(IReadOnlyList<ClaimCondition> conditions, JwtText token, TrustProvider provider)
    {
        var owner = provider.Owner.Count > 0 ? conditions.Where(condition => provider.Owner.Contains(condition.Claim)).ToList() : [];
        return owner.Count > 0
            ? owner.All(condition => condition.IsMet(token.Claim(condition.Claim)))
            : provider == TrustProvider.CircleCI || conditions.Any(condition => condition.IsMet(token.Claim(condition.Claim)));
    }

    private static string Differ(string expected, string? found) =>
        found is null ? $"{expected}, the token does not say" : $"{expected}, the token says \"{Printable(found)}\"";

    private static string Printable(string text)
    {
        var printable = new string([.. text.Where(letter => !char.IsControl(letter))]);
        return printable.Clip(ShownMax);
    }
}
