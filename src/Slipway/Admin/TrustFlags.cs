using System.CommandLine;
using Slipway.Server.Trust;
using ClaimCondition = Slipway.Contract.Admin.V1.ClaimCondition;

namespace Slipway.Admin;

/// <summary>Conditions as people type them: a flag for what each provider calls its things, and any claim by its name.</summary>
internal static class TrustFlags
{
    public static readonly Option<string[]> Claim = new("--claim") { Description = "NAME=VALUE: the claim is exactly this" };
    public static readonly Option<string[]> ClaimIn = new("--claim-in") { Description = "NAME=VALUE,VALUE…: the claim is one of these" };
    public static readonly Option<string[]> ClaimMatches = new("--claim-matches")
    {
        Description = "NAME=PATTERN: the claim fits, * is anything (only for branches, tags and refs)",
    };

    public static List<TrustFlag> All { get; } =
        [.. TrustField.All.Select(field => new TrustFlag(new Option<string?>($"--{field.Name}") { Description = field.Description }, field))];

    public static string IssuerOf(ParseResult parsed) =>
        TrustField.IssuerOf(parsed.GetValue(All.Single(flag => flag.Field.Name == TrustField.Organization).Option));

    public static IEnumerable<ClaimCondition> Read(ParseResult parsed, string provider) =>
    [
        .. All.SelectMany(flag => flag.Read(parsed, provider)),
        .. (parsed.GetValue(Claim) ?? []).Select(text => Condition("--claim", text, "equals", value => [value])),
        .. (parsed.GetValue(ClaimIn) ?? []).Select(text => Condition("--claim-in", text, "in", value => value.Split(','))),
        .. (parsed.GetValue(ClaimMatches) ?? []).Select(text => Condition("--claim-matches", text, "matches", value => [value])),
    ];

    private static ClaimCondition Condition(string flag, string text, string @operator, Func<string, string[]> values) =>
        text.Split('=', 2) is [{ Length: > 0 } name, { Length: > 0 } value]
            ? new ClaimCondition { Claim = name, Operator = @operator, Values = { values(value) } }
            : throw new UsageException($"{flag} is \"{text}\": it must be NAME=VALUE");
}

/// <summary>A flag for a condition.</summary>
internal sealed record TrustFlag(Option<string?> Option, TrustField Field)
{
    public IEnumerable<ClaimCondition> Read(ParseResult parsed, string provider)
    {
        if (parsed.GetValue(Option) is not { } value)
        {
            yield break;
        }

        var claim = Field.ClaimOf(provider) ?? throw new UsageException($"{Option.Name} is not for the provider {provider}: use --claim NAME=VALUE");
        if (claim.Length > 0)
        {
            yield return new ClaimCondition { Claim = claim, Operator = Field.OperatorFor(value), Values = { value } };
        }
    }
}
