using System.Collections.Frozen;
using Slipway.Contract;

namespace Slipway.Server.Trust;

/// <summary>What a CI job's verified token says of the job, under names that people know; kept with the builds that it opens.</summary>
internal static class JobOrigin
{
    /// <summary>Where a person sees the job.</summary>
    public const string Page = "page";

    public static readonly IReadOnlyDictionary<string, string> None = FrozenDictionary<string, string>.Empty;

    private const int ShownMax = 200;

    // Claims: buildkite.com/docs/agent/v3/cli-oidc, docs.github.com "OpenID Connect reference", docs.gitlab.com "ID token authentication", circleci.com/docs "OpenID Connect tokens".
    private static readonly (string Provider, string Name, string Claim)[] Claims =
    [
        ("buildkite", "build", "build_number"), ("buildkite", "branch", "build_branch"), ("buildkite", "tag", "build_tag"),
        ("buildkite", "commit", "build_commit"), ("buildkite", "step", "step_key"), ("buildkite", "job", "job_id"),
        ("github", "workflow", "workflow"), ("github", "event", "event_name"), ("github", "ref", "ref"), ("github", "commit", "sha"),
        ("github", "by", "actor"), ("github", "run", "run_id"),
        ("gitlab", "ref", "ref"), ("gitlab", "commit", "sha"), ("gitlab", "by", "user_login"), ("gitlab", "pipeline", "pipeline_id"), ("gitlab", "job", "job_id"),
        ("circleci", "ref", "oidc.circleci.com/vcs-ref"), ("circleci", "project", "oidc.circleci.com/project-id"),
        ("oidc", "subject", "sub"),
    ];

    public static IReadOnlyDictionary<string, string> Of(JwtText token, string provider)
    {
        var origin = Claims.Where(known => known.Provider == provider)
            .Select(known => (known.Name, Value: token.Claim(known.Claim)))
            .Where(said => !string.IsNullOrEmpty(said.Value))
            .ToDictionary(said => said.Name, said => said.Value!.Clip(ShownMax), StringComparer.Ordinal);
        if (PageOf(token, provider) is { } page)
        {
            origin[Page] = page;
        }

        return origin;
    }

    private static string? PageOf(JwtText token, string provider) => provider switch
    {
        "buildkite" => Link("https://buildkite.com", [token.Claim("organization_slug"), token.Claim("pipeline_slug"), "builds", token.Claim("build_number")]),
        "github" => Link("https://github.com", [.. (token.Claim("repository") ?? "").Split('/'), "actions", "runs", token.Claim("run_id")]),
        _ => null,
    };

    private static string? Link(string site, string?[] path) =>
        path.All(part => part is { Length: > 0 }) ? $"{site}/{string.Join('/', path.Select(part => Uri.EscapeDataString(part!)))}" : null;
}
