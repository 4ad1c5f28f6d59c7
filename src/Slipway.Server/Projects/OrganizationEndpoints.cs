using Grpc.Core;
using Slipway.Contract.Depot.Core.V1;
using Slipway.Server.Access;
using Slipway.Server.Storage;

namespace Slipway.Server.Projects;

/// <summary>The public list of organizations.</summary>
internal sealed class OrganizationEndpoints(ProjectStore projects) : OrganizationService.OrganizationServiceBase
{
    public override Task<ListOrganizationResponse> ListOrganizations(ListOrganizationsRequest request, ServerCallContext context)
    {
        var caller = context.Caller();
        AccessControl.Authorize(caller, CallerAction.ListOrganizations, Resource.Own);
        var response = new ListOrganizationResponse();
        response.Organizations.AddRange(projects.ListOrganizations()
            .Where(organization => AccessControl.Reaches(caller, organization.Id, null))
            .Select(organization => new Contract.Depot.Core.V1.Organization
            {
                OrgId = organization.Id,
                Name = organization.Name,
                CreatedAt = organization.CreatedAt.ToWire(),
            }));
        return Task.FromResult(response);
    }
}
