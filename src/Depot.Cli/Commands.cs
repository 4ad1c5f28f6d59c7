using Depot.Cli.Bake;
using Depot.Cli.Build;
using Depot.Cli.Builds;
using Depot.Cli.Login;
using Depot.Cli.Projects;

namespace Depot.Cli;

/// <summary>The command tree. What is not here does not exist yet.</summary>
internal static class Commands
{
    public static CliCommand Root { get; } = new()
    {
        Name = "depot",
        Summary = "Build container images on remote builders with a warm cache",
        Children =
        [
            BakeCommand.Create(),
            BuildCommand.Create(),
            InitCommand.Create(),
            new CliCommand
            {
                Name = "list",
                Aliases = ["ls"],
                Summary = "List builds and projects",
                Children = [ListBuildsCommand.Create(), ListProjectsCommand.Create("projects", ["p"])],
            },
            LoginCommand.Create(),
            LogoutCommand.Create(),
            new CliCommand
            {
                Name = "projects",
                Aliases = ["p"],
                Summary = "Work with projects",
                Children = [ListProjectsCommand.Create("list", ["ls"])],
            },
            new CliCommand
            {
                Name = "version",
                Summary = "Print the version",
                Run = (cli, _, _) =>
                {
                    cli.Output.Write(CliHost.VersionText);
                    return Task.FromResult(ExitCode.Done);
                },
            },
        ],
    };
}
