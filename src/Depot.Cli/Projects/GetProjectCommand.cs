using Depot.Cli.ControlPlane;
using Depot.Cli.Flags;

namespace Depot.Cli.Projects;

/// <summary><c>depot projects get</c>.</summary>
internal static class GetProjectCommand
{
    private sealed class Arguments
    {
        public string Output { get; set; } = "";

        public string Project { get; set; } = "";

        public string Token { get; set; } = "";
    }

    public static CliCommand Create() => new()
    {
        Name = "get",
        Arguments = "[<project-id>] [flags]",
        Summary = "Show a project: its name, organization and cache policy",
        Flags = () => Table(new Arguments()),
        Run = RunAsync,
    };

    private static FlagTable Table(Arguments into) => new FlagTable()
        .Text("output", 'o', "Output format (json)", value => into.Output = value)
        .ProjectId(value => into.Project = value)
        .Text("token", null, "Depot API token", value => into.Token = value);

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new Arguments();
        var rest = Table(arguments).ParseAll("depot projects get", words, cli.Warn, max: 1);
        var format = ProjectOutput.ParseFormat(arguments.Output);
        var id = NamedProject.Find(rest, arguments.Project, cli);
        using var credentials = Credentials.Resolve(arguments.Token, cli);
        await using var api = cli.OpenAccountApi();
        cli.Output.Write(ProjectOutput.Format(await api.GetProjectAsync(id, credentials, cancellation), format));
        return ExitCode.Done;
    }
}
