using Depot.Cli.Bake;
using Depot.Cli.Build;
using Depot.Cli.Builds;
using Depot.Cli.Cache;
using Depot.Cli.Completion;
using Depot.Cli.Docker.Configure;
using Depot.Cli.Exec;
using Depot.Cli.Images;
using Depot.Cli.ImageTools;
using Depot.Cli.Login;
using Depot.Cli.Organizations;
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
            BuildCommand.Create(),
            BakeCommand.Create(),
            new CliCommand
            {
                Name = "cache",
                Summary = "Work with a project's build cache",
                NeedsChild = true,
                Children = [ResetCacheCommand.Create()],
            },
            CompletionCommands.Scripts,
            CompletionCommands.Candidates,
            ConfigureDockerCommand.Create(),
            ExecCommand.Create(),
            ImageCommands.Create(),
            ImageToolsCommands.Create(),
            InitCommand.Create(),
            new CliCommand
            {
                Name = "list",
                Aliases = ["ls"],
                Summary = "List builds and projects",
                NeedsChild = true,
                Children = [ListBuildsCommand.Create(), ListProjectsCommand.Create("projects", ["p"])],
            },
            LoginCommand.Create(),
            LogoutCommand.Create(),
            new CliCommand
            {
                Name = "org",
                Aliases = ["o"],
                Summary = "Work with organizations",
                Children = [ListOrganizationsCommand.Create(), ShowOrganizationCommand.Create(), SwitchOrganizationCommand.Create()],
            },
            new CliCommand
            {
                Name = "projects",
                Aliases = ["p"],
                Summary = "Work with projects",
                Children =
                [
                    CreateProjectCommand.Create(),
                    DeleteProjectCommand.Create(),
                    GetProjectCommand.Create(),
                    ListProjectsCommand.Create("list", ["ls"]),
                    UpdateProjectCommand.Create(),
                ],
            },
            PullCommand.Create(),
            PullTokenCommand.Create(),
            PushCommand.Create(),
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
