using Depot.Cli.ControlPlane;
using Depot.Cli.Rendering;
using Slipway.Contract.Depot.Cli.V1Beta1;

namespace Depot.Cli.Projects;

/// <summary>Lets a person choose one of the projects that the token reaches.</summary>
internal static class ProjectPicker
{
    /// <summary>Null where nobody can be asked.</summary>
    public static async Task<ListProjectsResponse.Types.Project?> PickAsync(CliContext cli, Credentials credentials, CancellationToken cancellation)
    {
        if (!cli.IsInteractive)
        {
            return null;
        }

        await using var api = cli.OpenApi();
        return await PickAsync(cli, (await api.ListProjectsAsync(credentials, cancellation)).Projects, cancellation);
    }

    public static async Task<ListProjectsResponse.Types.Project> PickAsync(
        CliContext cli, IReadOnlyList<ListProjectsResponse.Types.Project> projects, CancellationToken cancellation)
    {
        if (projects.Count == 0)
        {
            throw new CliException("no projects found. Please create a project first") { Remedy = "`depot projects create NAME` makes one." };
        }

        var severalOrganizations = projects.Select(project => project.OrgId).Distinct(StringComparer.Ordinal).Skip(1).Any();
        var names = projects.Select(project => $"{project.Name} ({project.Id}){(severalOrganizations ? $" — {project.OrgName}" : "")}").ToList();
        var chosen = projects[await new Questions(cli.Terminal).ChooseAsync("Choose a project", names, cancellation)];
        cli.Error.WriteLine($"Selected project {chosen.Name} ({chosen.Id})");
        return chosen;
    }
}
