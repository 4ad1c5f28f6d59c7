using Depot.Cli.ControlPlane;
using Depot.Cli.Flags;
using Depot.Cli.Settings;

namespace Depot.Cli.Projects;

/// <summary><c>depot init</c>: writes the project file of a folder.</summary>
internal static class InitCommand
{
    private sealed class Arguments
    {
        public bool Force { get; set; }

        public string Project { get; set; } = "";

        public string Token { get; set; } = "";
    }

    public static CliCommand Create() => new()
    {
        Name = "init",
        Arguments = "[dir]",
        Summary = "Choose the project that a folder belongs to",
        Flags = () => Table(new Arguments()),
        Run = RunAsync,
    };

    private static FlagTable Table(Arguments into) => new FlagTable()
        .Switch("force", null, "Overwrite an existing project file", value => into.Force = value)
        .Text("project", null, "The project's ID", value => into.Project = value)
        .Text("token", null, "Depot API token", value => into.Token = value);

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new Arguments();
        var rest = Table(arguments).Parse(words, cli.Warn);
        var folder = Path.GetFullPath(rest.Count > 0 ? rest[0] : ".", cli.WorkingFolder);
        var path = Target(folder, arguments.Force);
        var credentials = Credentials.Resolve(arguments.Token, cli.Settings);
        await using var api = cli.OpenApi();
        var projects = (await api.ListProjectsAsync(credentials.Token, cancellation)).Projects;
        var wanted = arguments.Project.Length > 0 ? arguments.Project : cli.Settings.ProjectId;
        var project = wanted is null && projects.Count == 1 ? projects[0] : projects.FirstOrDefault(known => known.Id == wanted);
        if (project is null)
        {
            throw new CliException(wanted is null ? "missing project ID; please pass --project" : $"project with ID {wanted} not found")
            {
                Remedy = projects.Count == 0
                    ? "There are no projects yet; create one first."
                    : $"Your projects: {string.Join(", ", projects.Select(known => $"{known.Id} ({known.Name})"))}",
            };
        }

        ProjectFile.Write(path, project.Id);
        await cli.Output.WriteLineAsync($"Project {project.Name} ({project.OrgName}) initialized in directory {Path.GetDirectoryName(path)}");
        return ExitCode.Done;
    }

    /// <summary>The file to write: a new depot.json, or with force the one that is there, in its own format.</summary>
    private static string Target(string folder, bool force)
    {
        var existing = ProjectFile.FindPath(folder);
        return existing is null ? Path.Combine(folder, "depot.json")
            : force ? existing
            : throw new CliException($"Project configuration {Path.GetFileName(existing)} already exists at path \"{Path.GetDirectoryName(existing)}\", re-run with `--force` to overwrite");
    }
}
