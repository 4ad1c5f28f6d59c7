using Depot.Cli.ControlPlane;
using Depot.Cli.Rendering;
using Slipway.Contract.Depot.Cli.V1Beta1;

namespace Depot.Cli.Projects;

/// <summary><c>depot list projects</c>, <c>depot projects list</c>.</summary>
internal static class ListProjectsCommand
{
    public static CliCommand Create(string name, IReadOnlyList<string> aliases) => new()
    {
        Name = name,
        Aliases = aliases,
        Summary = "List the projects that you may build in",
        Flags = () => new ListArguments().Table(),
        Run = RunAsync,
    };

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new ListArguments();
        arguments.Table().ParseAll("depot list projects", words, cli.Warn);
        var format = Listing.ParseFormat(arguments.Output, cli);
        using var credentials = Credentials.Resolve(arguments.Token, cli);
        await using var api = cli.OpenApi();
        var projects = (await api.ListProjectsAsync(credentials, cancellation)).Projects;
        return Listing.Write(cli, format, new Table<ListProjectsResponse.Types.Project>(
            [new("Project ID", "id", project => project.Id), new("Name", "name", project => project.Name)], projects));
    }
}
