namespace Slipway.Server.Trust;

/// <summary>A condition under the name that people know it by: a flag of <c>slipway admin trust add</c>, a field of a project's page.</summary>
/// <param name="Claims">The claim that it stands for, by provider; an empty one says that the issuer has it already.</param>
public sealed record TrustField(string Name, string Description, IReadOnlyList<(string Provider, string Claim)> Claims)
{
    public const string Organization = "organization";
    public const string Branch = "branch";
    internal const string CircleCiIssuer = "https://oidc.circleci.com/org/";

    public static IReadOnlyList<TrustField> All { get; } =
    [
        new(
            Organization,
            "Buildkite: slug; GitHub: owner; GitLab: namespace; CircleCI: UUID",
            [("buildkite", "organization_slug"), ("github", "repository_owner"), ("gitlab", "namespace_path"), ("circleci", "")]),
        new("pipeline", "Buildkite: pipeline slug", [("buildkite", "pipeline_slug")]),
        new("repository", "GitHub: OWNER/NAME; GitLab: path", [("github", "repository"), ("gitlab", "project_path")]),
        new("circleci-project", "CircleCI: project UUID", [("circleci", "oidc.circleci.com/project-id")]),
        new(
            "organization-id",
            "the organization's unchangeable id",
            [("buildkite", "organization_id"), ("github", "repository_owner_id"), ("gitlab", "namespace_id")]),
        new(
            "pipeline-id",
            "the pipeline's or repository's unchangeable id",
            [("buildkite", "pipeline_id"), ("github", "repository_id"), ("gitlab", "project_id")]),
        new(
            Branch,
            "branch or ref; with * a pattern",
            [("buildkite", "build_branch"), ("github", "ref"), ("gitlab", "ref"), ("circleci", "oidc.circleci.com/vcs-ref")]),
        new("step", "Buildkite: step key", [("buildkite", "step_key")]),
        new("queue", "Buildkite: queue key", [("buildkite", "queue_key")]),
        new("cluster", "Buildkite: cluster id", [("buildkite", "cluster_id")]),
        new("environment", "deployment environment", [("github", "environment"), ("gitlab", "environment")]),
    ];

    public static IReadOnlyList<string> Providers { get; } = [.. TrustProvider.All.Select(provider => provider.Name)];

    /// <summary>Null: not for this provider.</summary>
    public string? ClaimOf(string provider) => Claims.Where(known => known.Provider == provider).Select(known => known.Claim).FirstOrDefault();

    /// <summary>A branch with * is a pattern; everything else is exact.</summary>
    public string OperatorFor(string value) => Name == Branch && value.Contains('*', StringComparison.Ordinal) ? ClaimCondition.Matches : ClaimCondition.Is;

    /// <summary>CircleCI's organization is a part of its issuer; empty for an organization that is none of its UUIDs.</summary>
    public static string IssuerOf(string? organization) => Guid.TryParse(organization, out _) ? CircleCiIssuer + organization : "";
}
