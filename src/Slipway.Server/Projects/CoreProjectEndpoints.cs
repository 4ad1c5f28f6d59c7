using Grpc.Core;
using Slipway.Contract.Depot.Core.V1;
using Slipway.Server.Access;
using Slipway.Server.Storage;
using Slipway.Server.Trust;

namespace Slipway.Server.Projects;

/// <summary>The public project API: <c>depot projects</c>.</summary>
internal sealed class CoreProjectEndpoints(ProjectStore projects, ManageProjects manage, ManageTrust trust)
    : ProjectService.ProjectServiceBase
{
    /// <summary>Builders are where their operator put them; the published client prints a region and wants one.</summary>
    private const string Region = "local";

    public override Task<ListProjectsResponse> ListProjects(ListProjectsRequest request, ServerCallContext context)
    {
        var response = new ListProjectsResponse();
        response.Projects.AddRange(manage.List(context.Caller()).Select(ToWire));
        return Task.FromResult(response);
    }

    public override Task<GetProjectResponse> GetProject(GetProjectRequest request, ServerCallContext context)
    {
        var project = projects.Find(request.ProjectId);
        AccessControl.Authorize(context.Caller(), CallerAction.ReadBuilds, Resource.Of(request.ProjectId, project));
        return Task.FromResult(new GetProjectResponse { Project = ToWire(project!) });
    }

    public override async Task<CreateProjectResponse> CreateProject(CreateProjectRequest request, ServerCallContext context)
    {
        var project = await manage.CreateAsync(
            request.OrganizationId,
            request.Name,
            (request.CachePolicy?.KeepBytes ?? 0, request.CachePolicy?.KeepDays ?? 0),
            context.Caller(),
            context.CancellationToken);
        return new CreateProjectResponse { Project = ToWire(project) };
    }

    public override async Task<UpdateProjectResponse> UpdateProject(UpdateProjectRequest request, ServerCallContext context)
    {
        var project = await manage.UpdateAsync(
            request.ProjectId,
            request.HasName ? request.Name : null,
            request.CachePolicy?.KeepBytes,
            request.CachePolicy?.KeepDays,
            context.Caller(),
            context.CancellationToken);
        return new UpdateProjectResponse { Project = ToWire(project) };
    }

    public override async Task<DeleteProjectResponse> DeleteProject(DeleteProjectRequest request, ServerCallContext context)
    {
        await manage.DeleteAsync(request.ProjectId, context.Caller(), context.CancellationToken);
        return new DeleteProjectResponse();
    }

    public override Task<ListTrustPoliciesResponse> ListTrustPolicies(ListTrustPoliciesRequest request, ServerCallContext context)
    {
        var response = new ListTrustPoliciesResponse();
        response.TrustPolicies.AddRange(trust.List(request.ProjectId, context.Caller()).Select(CoreTrustWire.ToWire));
        return Task.FromResult(response);
    }

    public override async Task<AddTrustPolicyResponse> AddTrustPolicy(AddTrustPolicyRequest request, ServerCallContext context)
    {
        var policy = await trust.AddAsync(request.FromWire(), context.Caller(), context.CancellationToken);
        return new AddTrustPolicyResponse { TrustPolicy = policy.ToWire() };
    }

    public override async Task<RemoveTrustPolicyResponse> RemoveTrustPolicy(RemoveTrustPolicyRequest request, ServerCallContext context)
    {
        await trust.RemoveAsync(request.TrustPolicyId, request.ProjectId, context.Caller(), context.CancellationToken);
        return new RemoveTrustPolicyResponse();
    }

    private static Contract.Depot.Core.V1.Project ToWire(Project project) => new()
    {
        ProjectId = project.Id,
        OrganizationId = project.OrganizationId,
        Name = project.Name,
        RegionId = Region,
        CreatedAt = project.CreatedAt.ToWire(),
        CachePolicy = new CachePolicy { KeepBytes = project.CacheKeepBytes, KeepDays = (int)project.CacheKeepDays },
    };
}
