using Slipway.Contract.Connect;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.Builders;
using Slipway.Server.Storage;

namespace Slipway.Server.Projects;

/// <summary>Creates, changes and deletes organizations and projects.</summary>
internal sealed class ManageProjects(ProjectStore projects, Fleet fleet, TimeProvider clock)
{
    public async Task<Organization> CreateOrganizationAsync(string name, Caller caller, CancellationToken cancellation)
    {
        AccessControl.Authorize(caller, CallerAction.ManageOrganizations, Resource.Instance);
        var organization = new Organization { Id = Ids.Organization(), Name = Names.Check(name, "organization"), CreatedAt = clock.Now() };
        var record = AuditEntry.By(caller, "organization.create", $"organization {organization.Id}", organization.CreatedAt);
        await projects.AddAsync(organization, record with { OrganizationId = organization.Id, Detail = organization.Name }, cancellation);
        return organization;
    }

    /// <summary>What the caller reaches, by organization and name.</summary>
    public IEnumerable<Project> List(Caller caller)
    {
        AccessControl.Authorize(caller, CallerAction.ListProjects, Resource.Own);
        return projects.List().Where(project => AccessControl.Reaches(caller, project.OrganizationId, project.Id));
    }

    public async Task<Project> CreateAsync(
        string organizationId, string name, (long Bytes, int Days) keep, Caller caller, CancellationToken cancellation)
    {
        var organization = Choose(organizationId, caller);
        AccessControl.Authorize(caller, CallerAction.CreateProject, Resource.Of(organizationId, organization));
        var project = new Project
        {
            Id = Ids.Project(),
            OrganizationId = organization!.Id,
            OrganizationName = organization.Name,
            Name = Names.Check(name, "project"),
            CreatedAt = clock.Now(),
            CacheKeepBytes = NotNegative(keep.Bytes, "bytes"),
            CacheKeepDays = NotNegative(keep.Days, "days"),
        };
        await projects.AddAsync(project, Record(caller, "project.create", project), cancellation);
        return project;
    }

    public async Task<Project> UpdateAsync(string id, string? name, long? bytes, int? days, Caller caller, CancellationToken cancellation)
    {
        var project = Find(id, caller);
        var changed = project with
        {
            Name = name is null ? project.Name : Names.Check(name, "project"),
            CacheKeepBytes = bytes is { } keep ? NotNegative(keep, "bytes") : project.CacheKeepBytes,
            CacheKeepDays = days is { } age ? NotNegative(age, "days") : project.CacheKeepDays,
        };
        await projects.UpdateAsync(changed, Record(caller, "project.update", changed), cancellation);
        return changed;
    }

    /// <summary>Nobody waits for the builders to throw the cache away; one that is not connected is told when it comes back.</summary>
    public async Task DeleteAsync(string id, Caller caller, CancellationToken cancellation)
    {
        foreach (var holder in await projects.DeleteAsync(id, Record(caller, "project.delete", Find(id, caller)), cancellation))
        {
            _ = fleet.ResetCache(holder.BuilderId, holder.ProjectId);
        }
    }

    private Project Find(string id, Caller caller)
    {
        var project = projects.Find(id);
        AccessControl.Authorize(caller, CallerAction.ManageProject, Resource.Of(id, project));
        return project!;
    }

    /// <summary>The organization of this id; without one the only one that the caller reaches.</summary>
    public Organization? Choose(string organizationId, Caller caller)
    {
        if (organizationId.Length > 0)
        {
            return projects.FindOrganization(organizationId);
        }

        AccessControl.Authorize(caller, CallerAction.ListOrganizations, Resource.Own);
        var reachable = projects.ListOrganizations().Where(o => AccessControl.Reaches(caller, o.Id, null)).Take(2).ToList();
        return reachable is [var only]
            ? only
            : throw new ApiException(
                ConnectCode.InvalidArgument,
                reachable.Count == 0 ? "there is no organization yet" : "there are several organizations",
                reachable.Count == 0 ? "create one: slipway admin org create NAME" : "choose one with --org ID");
    }

    private AuditEntry Record(Caller caller, string action, Project project) =>
        AuditEntry.By(caller, action, $"project {project.Id}", clock.Now()) with
        {
            OrganizationId = project.OrganizationId,
            ProjectId = project.Id,
            Detail = project.Name,
        };

    private static long NotNegative(long value, string unit) => value >= 0
        ? value
        : throw new ApiException(ConnectCode.InvalidArgument, $"the cache cannot be kept for {value} {unit}", "use 0 for no limit");
}
