using System.Collections.Frozen;
using Microsoft.IdentityModel.Tokens;
using Slipway.Contract.Connect;

namespace Slipway.Server.Trust;

/// <summary>A kind of CI system: where its tokens come from and which of their claims say what.</summary>
internal sealed record TrustProvider
{
    /// <summary>What Depot's published client asks for as audience, whatever server it talks to.</summary>
    public const string DepotAudience = "https://depot.dev";

    public required string Name { get; init; }

    /// <summary>Null: each installation has its own.</summary>
    public string? Issuer { get; init; }

    /// <summary>Claims that name the owner; one of them must be pinned. Empty for an issuer that is one owner's.</summary>
    public required IReadOnlyList<string> Owner { get; init; }

    /// <summary>Claims that name the repository or pipeline; one of them must be pinned.</summary>
    public required IReadOnlyList<string> Repository { get; init; }

    /// <summary>The claims that hold a whole path, and the owner that is its beginning.</summary>
    public (string Path, string Owner)? OwnerInPath { get; init; }

    /// <summary>Claims that never change when something is renamed; pinned by the first token that carries them.</summary>
    public IReadOnlyList<string> Ids { get; init; } = [];

    /// <summary>The only claims that a pattern may stand for.</summary>
    public IReadOnlyList<string> RefLike { get; init; } = [];

    /// <summary>Whether a token says that its build is of what the owner's own people wrote; null where tokens do not tell.</summary>
    public Func<JwtText, bool>? VouchesFor { get; init; }

    /// <summary>How its tokens may be signed; these CI systems all sign with RS256.</summary>
    public IReadOnlyList<string> Algorithms { get; init; } = [SecurityAlgorithms.RsaSha256];

    /// <summary>From "iat" to "exp"; a token that lives longer was not made for a call to a service.</summary>
    public required TimeSpan LifeMax { get; init; }

    public static TrustProvider Buildkite { get; } = new()
    {
        Name = "buildkite",
        Issuer = "https://agent.buildkite.com",
        Owner = ["organization_slug", "organization_id"],
        Repository = ["pipeline_slug", "pipeline_id"],
        Ids = ["organization_id", "pipeline_id"],
        RefLike = ["build_branch", "build_tag"],

        // buildkite.com/docs/agent/v3/cli-oidc: five minutes unless the job asks for more.
        LifeMax = TimeSpan.FromMinutes(5),
    };

    public static TrustProvider GitHub { get; } = new()
    {
        Name = "github",
        Issuer = "https://token.actions.githubusercontent.com",
        Owner = ["repository_owner", "repository_owner_id"],
        Repository = ["repository", "repository_id"],
        OwnerInPath = ("repository", "repository_owner"),
        Ids = ["repository_owner_id", "repository_id"],
        RefLike = ["ref", "head_ref", "base_ref", "workflow_ref", "job_workflow_ref"],

        // docs.github.com, "OpenID Connect reference": pull_request_target and workflow_run come with the base repository's identity, whoever wrote the code.
        VouchesFor = token => token.Claim("event_name") is "push" or "schedule" or "workflow_dispatch" or "repository_dispatch" or "release"
            && token.Claim("ref_protected") == "true",
        LifeMax = TimeSpan.FromMinutes(20),
    };

    public static TrustProvider GitLab { get; } = new()
    {
        Name = "gitlab",
        Issuer = "https://gitlab.com",
        Owner = ["namespace_path", "namespace_id"],
        Repository = ["project_path", "project_id"],
        OwnerInPath = ("project_path", "namespace_path"),
        Ids = ["namespace_id", "project_id"],
        RefLike = ["ref", "ref_path", "ci_config_ref_uri"],
        VouchesFor = token => token.Claim("ref_protected") == "true",

        // docs.gitlab.com/ci/secrets/id_token_authentication: as long as the job may run.
        LifeMax = TimeSpan.FromHours(24),
    };

    public static TrustProvider CircleCI { get; } = new()
    {
        Name = "circleci",

        // https://oidc.circleci.com/org/UUID: the issuer itself names the owner.
        Owner = [],
        Repository = ["oidc.circleci.com/project-id"],
        RefLike = ["oidc.circleci.com/vcs-ref"],
        LifeMax = TimeSpan.FromHours(1),
    };

    public static TrustProvider Oidc { get; } = new()
    {
        Name = "oidc",
        Owner = [],
        Repository = [],

        Algorithms =
        [
            SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384,
            EdwardsSignature.AnyCurve, EdwardsSignature.Algorithm,
        ],
        RefLike = ["ref", "branch", "tag", "build_branch", "build_tag"],
        LifeMax = TimeSpan.FromHours(1),
    };

    public static IReadOnlyList<TrustProvider> All { get; } = [Buildkite, GitHub, GitLab, CircleCI, Oidc];

    private static readonly FrozenDictionary<string, TrustProvider> ByName = All.ToFrozenDictionary(provider => provider.Name, StringComparer.Ordinal);

    public static TrustProvider Find(string name) => ByName.GetValueOrDefault(name)
        ?? throw new ApiException(
            ConnectCode.InvalidArgument,
            $"the provider is \"{name}\"",
            $"choose one of {string.Join(", ", All.Select(provider => provider.Name))}");

    /// <summary>The conditions with the owner that their path names, where they do not name one.</summary>
    public IReadOnlyList<ClaimCondition> Complete(IReadOnlyList<ClaimCondition> conditions)
    {
        if (OwnerInPath is not { } names || conditions.Any(condition => Owner.Contains(condition.Claim))
            || conditions.FirstOrDefault(condition => condition.Claim == names.Path && condition.Operator == ClaimCondition.Is)?.Values is not [var path]
            || path.LastIndexOf('/') is not (> 0 and var slash))
        {
            return conditions;
        }

        return [.. conditions, ClaimCondition.Equal(names.Owner, path[..slash])];
    }
}
