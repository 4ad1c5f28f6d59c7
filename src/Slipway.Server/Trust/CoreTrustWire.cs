using Slipway.Contract.Depot.Core.V1;

namespace Slipway.Server.Trust;

/// <summary>Relationships as Depot's public API words them: owner and repository, and nothing else.</summary>
internal static class CoreTrustWire
{
    /// <summary>What the public API has no words for goes without a provider: its id is there to remove it by.</summary>
    public static Contract.Depot.Core.V1.TrustPolicy ToWire(this TrustPolicy policy)
    {
        var wire = new Contract.Depot.Core.V1.TrustPolicy { TrustPolicyId = policy.Id };
        var claims = policy.ReadConditions()
            .Where(condition => condition.Operator == ClaimCondition.Is)
            .ToDictionary(condition => condition.Claim, condition => condition.Values[0]);
        switch (policy.Provider)
        {
            case "buildkite":
                wire.Buildkite = new()
                {
                    OrganizationSlug = claims.GetValueOrDefault("organization_slug", ""),
                    PipelineSlug = claims.GetValueOrDefault("pipeline_slug", ""),
                };
                break;
            case "circleci":
                wire.Circleci = new()
                {
                    OrganizationUuid = policy.Issuer.StartsWith(TrustField.CircleCiIssuer, StringComparison.Ordinal) ? policy.Issuer[TrustField.CircleCiIssuer.Length..] : "",
                    ProjectUuid = claims.GetValueOrDefault("oidc.circleci.com/project-id", ""),
                };
                break;
            case "github":
                var repository = claims.GetValueOrDefault("repository", "").Split('/');
                wire.Github = new() { RepositoryOwner = claims.GetValueOrDefault("repository_owner", repository[0]), Repository = repository[^1] };
                break;
        }

        return wire;
    }

    public static NewTrust FromWire(this AddTrustPolicyRequest request) => request.ProviderCase switch
    {
        AddTrustPolicyRequest.ProviderOneofCase.Buildkite => new NewTrust(request.ProjectId, "buildkite", "",
        [
            ClaimCondition.Equal("organization_slug", request.Buildkite.OrganizationSlug),
            ClaimCondition.Equal("pipeline_slug", request.Buildkite.PipelineSlug),
        ]),
        AddTrustPolicyRequest.ProviderOneofCase.Circleci => new NewTrust(
            request.ProjectId,
            "circleci",
            TrustField.CircleCiIssuer + request.Circleci.OrganizationUuid,
            [ClaimCondition.Equal("oidc.circleci.com/project-id", request.Circleci.ProjectUuid)]),
        AddTrustPolicyRequest.ProviderOneofCase.Github => new NewTrust(request.ProjectId, "github", "",
        [
            ClaimCondition.Equal("repository_owner", request.Github.RepositoryOwner),
            ClaimCondition.Equal("repository", $"{request.Github.RepositoryOwner}/{request.Github.Repository}"),
        ]),
        AddTrustPolicyRequest.ProviderOneofCase.None => new NewTrust(request.ProjectId, "", "", []),
        _ => new NewTrust(request.ProjectId, "", "", []),
    };
}
