using Slipway.Server.Access;
using Slipway.Server.Projects;
using Slipway.Server.Tokens;

namespace Slipway.Server;

/// <summary>What a new installation begins with.</summary>
public sealed record FirstRun(string OrganizationId, string ProjectId, string Token)
{
    internal static async Task<FirstRun?> SetUpAsync(IServiceProvider services, CancellationToken cancellation)
    {
        if (services.GetRequiredService<ProjectStore>().ListOrganizations().Count > 0)
        {
            return null;
        }

        var manage = services.GetRequiredService<ManageProjects>();
        var organization = await manage.CreateOrganizationAsync("default", Caller.AtTheDataFolder, cancellation);
        var project = await manage.CreateAsync(organization.Id, "default", default, Caller.AtTheDataFolder, cancellation);
        var (_, token) = await services.GetRequiredService<CreateToken>().ForFirstRunAsync(cancellation);
        return new FirstRun(organization.Id, project.Id, token);
    }
}
