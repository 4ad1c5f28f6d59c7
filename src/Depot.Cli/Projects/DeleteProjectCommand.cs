using Depot.Cli.ControlPlane;
using Depot.Cli.Flags;
using Depot.Cli.Rendering;

namespace Depot.Cli.Projects;

/// <summary><c>depot projects delete</c>. Its project is always named: the folder's own would be too easily deleted by mistake.</summary>
internal static class DeleteProjectCommand
{
    private sealed class Arguments
    {
        public string Project { get; set; } = "";

        public string Token { get; set; } = "";

        public bool Yes { get; set; }
    }

    public static CliCommand Create() => new()
    {
        Name = "delete",
        Aliases = ["d"],
        Arguments = "[<project-id>] [flags]",
        Summary = "Delete a project and its cache",
        Flags = () => Table(new Arguments()),
        Run = RunAsync,
    };

    private static FlagTable Table(Arguments into) => new FlagTable()
        .Text("project-id", 'p', "The ID of the project to delete", value => into.Project = value)
        .Text("token", 't', "Depot API token", value => into.Token = value)
        .Switch("yes", 'y', "Do not ask", value => into.Yes = value);

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new Arguments();
        var rest = Table(arguments).ParseAll("depot projects delete", words, cli.Warn, max: 1);
        var given = NamedProject.Given(rest, arguments.Project);
        using var credentials = Credentials.Resolve(arguments.Token, cli);
        var id = given ?? (await ProjectPicker.PickAsync(cli, credentials, cancellation)
            ?? throw new CliException("missing project ID: pass it as an argument or with --project-id")).Id;
        if (!arguments.Yes && !await IsMeantAsync(cli, id, cancellation))
        {
            return ExitCode.Failed;
        }

        await using var api = cli.OpenAccountApi();
        await api.DeleteProjectAsync(id, credentials, cancellation);
        cli.Output.WriteLine($"Successfully deleted project {id}");
        return ExitCode.Done;
    }

    private static Task<bool> IsMeantAsync(CliContext cli, string id, CancellationToken cancellation) => cli.IsInteractive
        ? new Questions(cli.Terminal).ConfirmAsync($"Are you sure you want to delete project {id}?", otherwise: false, cancellation)
        : throw new CliException($"deleting project {id} must be confirmed") { Remedy = "Pass --yes where nobody can be asked." };
}
