using Slipway.Contract.Connect;

namespace Slipway.Server.Trust;

/// <summary>Which relationships may be saved. One that a stranger's job could meet is refused, with the reason.</summary>
internal static class TrustRules
{
    private const int ConditionsMax = 20;
    private const int ValuesMax = 50;
    private const int TextMax = 500;

    // These say when and for whom a token is, not whose job it was.
    private static readonly string[] Envelope = ["iss", "aud", "exp", "nbf", "iat", "jti"];

    /// <summary>The issuer as it is compared later: exactly.</summary>
    public static string CheckIssuer(TrustProvider provider, string asked)
    {
        var issuer = asked.Length > 0 ? asked : provider.Issuer ?? throw Refuse(
            $"provider {provider.Name} needs an issuer",
            provider == TrustProvider.CircleCI ? "--issuer https://oidc.circleci.com/org/ORGANIZATION-UUID" : "--issuer URL");
        if (!Uri.TryCreate(issuer, UriKind.Absolute, out var url) || url.Scheme is not ("https" or "http") || url.UserInfo.Length > 0
            || url.Query.Length > 0 || url.Fragment.Length > 0 || issuer.Any(letter => char.IsWhiteSpace(letter) || char.IsControl(letter)))
        {
            throw Refuse($"the issuer \"{issuer}\" is not an https:// URL", "copy it from the \"iss\" claim of a token");
        }

        if (url.Scheme == "http" && !url.IsLoopback)
        {
            throw Refuse($"the issuer \"{issuer}\" is not https", "keys that come in the clear prove nothing");
        }

        if (provider == TrustProvider.Oidc && TrustProvider.All.FirstOrDefault(known => known.Issuer == issuer) is { } shared)
        {
            throw Refuse($"the issuer \"{issuer}\" serves all customers of {shared.Name}", $"use --provider {shared.Name}");
        }

        return issuer;
    }

    public static void Check(TrustProvider provider, IReadOnlyList<ClaimCondition> conditions)
    {
        if (conditions.Count is 0 or > ConditionsMax)
        {
            throw Refuse(
                conditions.Count == 0 ? "the relationship has no conditions: every job of the issuer would meet it" : "there are too many conditions",
                conditions.Count == 0 ? "say which pipeline or repository may build" : $"use at most {ConditionsMax}");
        }

        foreach (var condition in conditions)
        {
            Check(provider, condition);
        }

        if (conditions.GroupBy(condition => condition.Claim).FirstOrDefault(same => same.Count() > 1) is { } twice)
        {
            throw Refuse($"the claim {twice.Key} has two conditions", "use one with several values: in");
        }

        ClaimForms.Check(provider, conditions);
        RequirePinned(provider, conditions, provider.Owner, "owner");
        RequirePinned(provider, conditions, provider.Repository, "repository or pipeline");
        if (provider == TrustProvider.Oidc && !conditions.Any(condition => condition.Operator != ClaimCondition.Matches))
        {
            throw Refuse("the relationship pins nothing: patterns alone can be met by anybody's branch name", "add --claim NAME=VALUE, for example sub");
        }
    }

    /// <summary>What an owner should know about a relationship that is allowed nevertheless.</summary>
    public static IReadOnlyList<string> Warnings(TrustPolicy policy)
    {
        var provider = TrustProvider.Find(policy.Provider);
        var conditions = policy.ReadConditions();
        var warnings = new List<string>();
        if (conditions.Any(condition => condition.Claim == "build_branch"))
        {
            warnings.Add("a pull request from a fork may carry any branch name: turn on \"Prefix third-party fork branch names\" in Buildkite");
        }

        if (policy.Tier == TrustTier.Trusted && provider.VouchesFor is not null)
        {
            warnings.Add("a pull request from a fork counts as trusted, too: --tier claims asks each token");
        }

        if (provider.Ids.Count > 0 && policy.ReadPins().Count == 0 && !conditions.Any(condition => provider.Ids.Contains(condition.Claim)))
        {
            warnings.Add($"names can be given up and taken by others; the first token that carries {string.Join(" and ", provider.Ids)} pins them");
        }

        if (policy.DepotAudience)
        {
            warnings.Add($"tokens for the audience {TrustProvider.DepotAudience} count here; whoever else is handed one of this pipeline's can build");
        }

        if (policy.Issuer.StartsWith("http:", StringComparison.Ordinal))
        {
            warnings.Add("the issuer is not https: the server takes it only with --oidc-allow-insecure-issuer, for tests");
        }

        return warnings;
    }

    private static void Check(TrustProvider provider, ClaimCondition condition)
    {
        if (condition.Claim.Length is 0 or > TextMax || Envelope.Contains(condition.Claim))
        {
            throw Refuse($"there can be no condition on the claim \"{condition.Claim}\"", "the server judges it by itself");
        }

        if (condition.Values.Count is 0 or > ValuesMax || condition.Values.Any(value => value.Length is 0 or > TextMax))
        {
            throw Refuse($"the condition on {condition.Claim} has no value, an empty one, or too many", $"use 1 to {ValuesMax}");
        }

        switch (condition.Operator)
        {
            case ClaimCondition.Is when condition.Values.Count == 1:
            case ClaimCondition.In:
                RefuseLostPattern(provider, condition);
                return;
            case ClaimCondition.Matches when condition.Values.Count == 1 && provider.RefLike.Contains(condition.Claim):
                return;
            case ClaimCondition.Matches:
                throw Refuse($"{condition.Claim} cannot be a pattern", $"patterns are for {string.Join(", ", provider.RefLike)}");
            default:
                throw Refuse($"the condition on {condition.Claim} is \"{condition.Operator}\"", "use equals, in or matches");
        }
    }

    // "acme/*" as an exact value would never be met: whoever types it means a pattern, and may not have one here.
    private static void RefuseLostPattern(TrustProvider provider, ClaimCondition condition)
    {
        if (condition.Values.FirstOrDefault(value => value.Contains('*', StringComparison.Ordinal)) is { } star)
        {
            throw Refuse(
                $"{condition.Claim} is \"{star}\", and an exact value has no *",
                provider.RefLike.Contains(condition.Claim) ? "use matches" : "name each one");
        }
    }

    private static void RequirePinned(
        TrustProvider provider, IReadOnlyList<ClaimCondition> conditions, IReadOnlyList<string> claims, string what)
    {
        if (claims.Count > 0 && !conditions.Any(condition => claims.Contains(condition.Claim)))
        {
            throw Refuse(
                $"the relationship does not pin the {what}: {provider.Name} is shared with strangers", $"add a condition on {string.Join(" or ", claims)}");
        }
    }

    private static ApiException Refuse(string what, string remedy) => new(ConnectCode.InvalidArgument, what, remedy);
}
