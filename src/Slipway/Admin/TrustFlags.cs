using System.CommandLine;
using Slipway.Contract.Admin.V1;

namespace Slipway.Admin;

/// <summary>Conditions as people type them: a flag for what each provider calls its things, and any claim by its name.</summary>
internal static class TrustFlags
{
    private const string CircleCiIssuer = "https://oidc.circleci.com/org/";

    public static readonly string[] Providers = ["buildkite", "github", "gitlab", "circleci", "oidc"];

    public static readonly Option<string[]> Claim = new("--claim") { Description = "NAME=VALUE: the claim is exactly this" };
    public static readonly Option<string[]> ClaimIn = new("--claim-in") { Description = "NAME=VALUE,VALUE…: the claim is one of these" };
    public static readonly Option<string[]> ClaimMatches = new("--claim-matches")
    {
        Description = "NAME=PATTERN: the claim fits, * is anything (only for branches, tags and refs)",
    };

    private static readonly Option<string?> Organization = new("--organization")
    {
        Description = "Buildkite: slug; GitHub: owner; GitLab: namespace; CircleCI: UUID",
    };

    /// <summary>Each with the claim that it stands for, by provider.</summary>
    public static List<TrustFlag> All { get; } =
    [
        new(Organization, [("buildkite", "organization_slug"), ("github", "repository_owner"), ("gitlab", "namespace_path"), ("circleci", "")]),
        Flag("--pipeline", "Buildkite: pipeline slug", ("buildkite", "pipeline_slug")),
        Flag("--repository", "GitHub: OWNER/NAME; GitLab: path", ("github", "repository"), ("gitlab", "project_path")),
        Flag("--circleci-project", "CircleCI: project UUID", ("circleci", "oidc.circleci.com/project-id")),
        Flag("--organization-id", "the organization's unchangeable id", ("buildkite", "organization_id"), ("github", "repository_owner_id"), ("gitlab", "namespace_id")),
        Flag("--pipeline-id", "the pipeline's or repository's unchangeable id", ("buildkite", "pipeline_id"), ("github", "repository_id"), ("gitlab", "project_id")),
        Flag("--branch", "branch or ref; with * a pattern", ("buildkite", "build_branch"), ("github", "ref"), ("gitlab", "ref"), ("circleci", "oidc.circleci.com/vcs-ref")),
        Flag("--step", "Buildkite: step key", ("buildkite", "step_key")),
        Flag("--queue", "Buildkite: queue key", ("buildkite", "queue_key")),
        Flag("--cluster", "Buildkite: cluster id", ("buildkite", "cluster_id")),
        Flag("--environment", "deployment environment", ("github", "environment"), ("gitlab", "environment")),
    ];

    /// <summary>CircleCI's organization is a part of its issuer.</summary>
    public static string IssuerOf(ParseResult parsed) =>
        parsed.GetValue(Organization) is { } organization && Guid.TryParse(organization, out _) ? CircleCiIssuer + organization : "";

    public static IEnumerable<ClaimCondition> Read(ParseResult parsed, string provider) =>
    [
        .. All.SelectMany(flag => flag.Read(parsed, provider)),
        .. (parsed.GetValue(Claim) ?? []).Select(text => Condition("--claim", text, "equals", value => [value])),
        .. (parsed.GetValue(ClaimIn) ?? []).Select(text => Condition("--claim-in", text, "in", value => value.Split(','))),
        .. (parsed.GetValue(ClaimMatches) ?? []).Select(text => Condition("--claim-matches", text, "matches", value => [value])),
    ];

    private static TrustFlag Flag(string name, string description, params (string Provider, string Claim)[] claims) =>
        new(new Option<string?>(name) { Description = description }, claims);

    private static ClaimCondition Condition(string flag, string text, string @operator, Func<string, string[]> values) =>
        text.Split('=', 2) is [{ Length: > 0 } name, { Length: > 0 } value]
            ? new ClaimCondition { Claim = name, Operator = @operator, Values = { values(value) } }
            : throw new UsageException($"{flag} is \"{text}\": it must be NAME=VALUE");
}

/// <summary>A flag and the claim that it is about, by provider; an empty claim says that the issuer has it already.</summary>
internal sealed record TrustFlag(Option<string?> Option, IReadOnlyList<(string Provider, string Claim)> Claims)
{
    public IEnumerable<ClaimCondition> Read(ParseResult parsed, string provider)
    {
        if (parsed.GetValue(Option) is not { } value)
        {
            yield break;
        }

        var claim = Claims.Where(known => known.Provider == provider).Select(known => known.Claim).FirstOrDefault()
            ?? throw new UsageException($"{Option.Name} is not for the provider {provider}: use --claim NAME=VALUE");
        if (claim.Length > 0)
        {
            yield return new ClaimCondition
            {
                Claim = claim,
                Operator = Option.Name == "--branch" && value.Contains('*', StringComparison.Ordinal) ? "matches" : "equals",
                Values = { value },
            };
        }
    }
}
