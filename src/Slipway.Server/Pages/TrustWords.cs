using Slipway.Server.Trust;

namespace Slipway.Server.Pages;

/// <summary>A relationship as one says it.</summary>
internal static class TrustWords
{
    /// <summary>"organization acme, pipeline app, branch like release/*".</summary>
    public static string Conditions(TrustPolicy policy) => string.Join(", ", policy.ReadConditions().Select(condition => Condition(policy.Provider, condition)));

    public static string Tier(string tier) => tier switch
    {
        TrustTier.Trusted => "trusted: they share the project's cache",
        TrustTier.Untrusted => "untrusted: they have an engine and a cache of their own kind",
        _ => "trusted where the token vouches for it, else untrusted",
    };

    private static string Condition(string provider, ClaimCondition condition)
    {
        var name = TrustField.All.FirstOrDefault(field => field.ClaimOf(provider) == condition.Claim)?.Name ?? condition.Claim;
        return condition.Operator switch
        {
            ClaimCondition.In => $"{name} one of {string.Join(", ", condition.Values)}",
            ClaimCondition.Matches => $"{name} like {condition.Values[0]}",
            _ => $"{name} {condition.Values[0]}",
        };
    }
}
