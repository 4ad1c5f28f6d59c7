using Depot.Cli.ControlPlane;
using Depot.Cli.Flags;
using Depot.Cli.Settings;
using Slipway.Contract.Depot.Cli.V1Beta1;

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
        Arguments = "[flags] [<dir>]",
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
        var rest = Table(arguments).ParseAll("depot init", words, cli.Warn, max: 1);
        var folder = Path.GetFullPath(rest.Count > 0 ? rest[0] : ".", cli.WorkingFolder);
        if (!Directory.Exists(folder))
        {
            throw new CliException($"there is no folder {folder}");
        }

        var path = Target(folder, arguments.Force);
        using var credentials = Credentials.Resolve(arguments.Token, cli);
        await using var api = cli.OpenApi();
        var projects = (await api.ListProjectsAsync(credentials, cancellation)).Projects;
        var project = await ChooseAsync(cli, arguments.Project, projects, cancellation);
        ProjectFile.Write(path, project.Id);
        cli.Output.WriteLine($"Project {project.Name} ({project.OrgName}) initialized in directory {Path.GetDirectoryName(path)}");
        return ExitCode.Done;
    }

    /// <summary>The one that was named; the only one there is; else a person's choice.</summary>
    private static async Task<ListProjectsResponse.Types.Project> ChooseAsync(
        CliContext cli, string flag, IReadOnlyList<ListProjectsResponse.Types.Project> projects, CancellationToken cancellation)
    {
        if ((flag.Length > 0 ? flag : cli.Settings.ProjectId) is { } wanted)
        {
            return projects.FirstOrDefault(known => known.Id == wanted)
                ?? throw new CliException($"project with ID {wanted} not found") { Remedy = Known(projects) };
        }

        if (cli.IsInteractive)
        {
            return await ProjectPicker.PickAsync(cli, projects, cancellation);
        }

        return projects.Count == 1 ? projects[0] : throw new CliException("missing project ID; please pass --project") { Remedy = Known(projects) };
    }

    private static string Known(IReadOnlyList<ListProjectsResponse.Types.Project> projects) => projects.Count == 0
        ? "There are no projects yet; create one first."
        : $"Your projects: {string.Join(", ", projects.Select(known => $"{known.Id} ({known.Name})"))}";

    /// <summary>The file to write: a new depot.json, or with force the one that is there, in its own format.</summary>
    private static string Target(string folder, bool force)
    {
        var existing = ProjectFile.FindPath(folder);
        return existing is null ? Path.Combine(folder, "depot.json")
            : force ? existing
            : throw new CliException($"Project configuration {Path.GetFileName(existing)} already exists at path \"{Path.GetDirectoryName(existing)}\", re-run with `--force` to overwrite");
    }
}
