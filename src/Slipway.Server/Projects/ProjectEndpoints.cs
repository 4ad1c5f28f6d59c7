using Grpc.Core;
using Slipway.Contract.Depot.Cli.V1Beta1;
using Slipway.Server.Access;

namespace Slipway.Server.Projects;

/// <summary>The public list of projects and the reset of their caches.</summary>
internal sealed class ProjectEndpoints(ManageProjects manage, ResetProjectCache reset) : ProjectsService.ProjectsServiceBase
{
    public override Task<ListProjectsResponse> ListProjects(ListProjectsRequest request, ServerCallContext context)
    {
        var response = new ListProjectsResponse();
        response.Projects.AddRange(manage.List(context.Caller()).Select(project => new ListProjectsResponse.Types.Project
        {
            Id = project.Id,
            Name = project.Name,
            OrgId = project.OrganizationId,
            OrgName = project.OrganizationName,
        }));
        return Task.FromResult(response);
    }

    public override async Task<ResetProjectCacheResponse> ResetProjectCache(ResetProjectCacheRequest request, ServerCallContext context)
    {
        var project = await reset.HandleAsync(request.ProjectId, context.Caller(), context.CancellationToken);
        return new ResetProjectCacheResponse { Name = project.Name, OrgName = project.OrganizationName };
    }
}
