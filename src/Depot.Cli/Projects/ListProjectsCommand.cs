using Depot.Cli.ControlPlane;
using Depot.Cli.Flags;

namespace Depot.Cli.Projects;

/// <summary><c>depot list projects</c>, <c>depot projects list</c>.</summary>
internal static class ListProjectsCommand
{
    public static CliCommand Create(string name, IReadOnlyList<string> aliases) => new()
    {
        Name = name,
        Aliases = aliases,
        Summary = "List the projects that you may build in",
        Flags = () => Table(new ListArguments()),
        Run = RunAsync,
    };

    private static FlagTable Table(ListArguments into) => new FlagTable()
        .Text("output", null, "Non-interactive output format (json, csv)", value => into.Output = value)
        .Text("token", null, "Depot API token", value => into.Token = value);

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new ListArguments();
        Table(arguments).Parse(words, cli.Warn);
        var format = Listing.ParseFormat(arguments.Output, cli);
        var credentials = Credentials.Resolve(arguments.Token, cli.Settings);
        await using var api = cli.OpenApi();
        var projects = (await api.ListProjectsAsync(credentials.Token, cancellation)).Projects;
        var listing = new Listing(["Project ID", "Name"], ["id", "name"]);
        foreach (var project in projects)
        {
            listing.Add(project.Id, project.Name);
        }

        listing.Write(format, cli.Output);
        return ExitCode.Done;
    }
}
