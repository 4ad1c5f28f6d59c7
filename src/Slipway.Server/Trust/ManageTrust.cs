using Slipway.Contract.Connect;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.Projects;
using Slipway.Server.Storage;

namespace Slipway.Server.Trust;

/// <summary>Adds, lists and removes trust relationships.</summary>
internal sealed class ManageTrust(TrustStore store, ProjectStore projects, TimeProvider clock)
{
    /// <summary>Per project; each is tried for every token of its issuer.</summary>
    private const int PoliciesMax = 100;

    public async Task<TrustPolicy> AddAsync(NewTrust asked, Caller caller, CancellationToken cancellation)
    {
        var project = projects.Find(asked.ProjectId);
        AccessControl.Authorize(caller, CallerAction.ManageTrust, Resource.Of(asked.ProjectId, project));
        var provider = TrustProvider.Find(asked.Provider);
        var issuer = TrustRules.CheckIssuer(provider, asked.Issuer);
        var conditions = provider.Complete(asked.Conditions);
        TrustRules.Check(provider, conditions);
        var policy = new TrustPolicy
        {
            Id = Ids.Trust(),
            ProjectId = project!.Id,
            OrganizationId = project.OrganizationId,
            Provider = provider.Name,
            Issuer = issuer,
            Conditions = TrustPolicy.Write(conditions),
            DepotAudience = asked.DepotAudience,
            SingleUse = asked.SingleUse,
            Tier = TrustTier.Check(asked.Tier, provider),
            CreatedBy = caller.Name,
            AllowedFrom = AddressList.Check(asked.AllowedFrom ?? []),
            CreatedAt = clock.Now(),
        };
        RefuseDouble(policy);
        await store.AddAsync(policy, Record(caller, "trust.add", policy), cancellation);
        return policy;
    }

    public IReadOnlyList<TrustPolicy> List(string projectId, Caller caller)
    {
        AccessControl.Authorize(caller, CallerAction.ReadTrust, Resource.Of(projectId, projects.Find(projectId)));
        return store.ListOfProject(projectId);
    }

    /// <param name="projectId">Null: whichever it belongs to.</param>
    public async Task RemoveAsync(string id, string? projectId, Caller caller, CancellationToken cancellation)
    {
        var policy = store.Find(id);
        AccessControl.Authorize(caller, CallerAction.ManageTrust, new Resource
        {
            Text = $"trust relationship \"{id}\"",
            Exists = policy is not null && (projectId is null || policy.ProjectId == projectId),
            OrganizationId = policy?.OrganizationId,
            ProjectId = policy?.ProjectId,
        });
        await store.RemoveAsync(id, Record(caller, "trust.remove", policy!), cancellation);
    }

    private void RefuseDouble(TrustPolicy policy)
    {
        var others = store.ListOfProject(policy.ProjectId);
        if (others.FirstOrDefault(other => other.Issuer == policy.Issuer && other.Conditions == policy.Conditions) is { } same)
        {
            throw new ApiException(
                ConnectCode.AlreadyExists, $"the project has this trust relationship already: {same.Id}", "remove that one first to change it");
        }

        if (others.Count >= PoliciesMax)
        {
            throw new ApiException(
                ConnectCode.ResourceExhausted, $"the project has {PoliciesMax} trust relationships", "remove some, or use one with several values: in");
        }
    }

    private AuditEntry Record(Caller caller, string action, TrustPolicy policy) =>
        AuditEntry.By(caller, action, $"trust relationship {policy.Id}", clock.Now()) with
        {
            OrganizationId = policy.OrganizationId,
            ProjectId = policy.ProjectId,
            Detail = $"{policy.Provider} {policy.Issuer}: {string.Join(", ", policy.ReadConditions().Select(condition => condition.Describe()))}, {policy.Tier}{(policy.AllowedFrom.Length == 0 ? "" : $", from {policy.AllowedFrom}")}",
        };
}

/// <summary>A relationship that somebody asks for.</summary>
internal sealed record NewTrust(
    string ProjectId,
    string Provider,
    string Issuer,
    IReadOnlyList<ClaimCondition> Conditions,
    bool DepotAudience = false,
    bool SingleUse = false,
    string Tier = "",
    IReadOnlyList<string>? AllowedFrom = null);
