using Depot.Cli.Flags;
using Depot.Cli.Settings;

namespace Depot.Cli.Projects;

/// <summary>The project that <c>depot projects get|update|delete</c> is about: an argument, a flag, or the folder's.</summary>
internal static class NamedProject
{
    /// <summary>Named by argument or flag; null when neither says.</summary>
    public static string? Given(IReadOnlyList<string> rest, string flag) => (rest, flag) switch
    {
        ([var argument], "") => argument,
        ([_], _) => throw new CliException("project ID must be specified as either an argument or --project-id, not both"),
        (_, "") => null,
        _ => flag,
    };

    /// <summary>The same, else the variable's or the folder's.</summary>
    public static string Find(IReadOnlyList<string> rest, string flag, CliContext cli) =>
        ProjectChoice.Find(Given(rest, flag), cli.Settings, cli.WorkingFolder, [], cli.Warn)
        ?? throw new CliException("unknown project ID (run `depot init`, pass a project ID, use --project-id, or set $DEPOT_PROJECT_ID)");

    public static FlagTable ProjectId(this FlagTable table, Action<string> assign) => table.Text("project-id", 'p', "Depot project ID", assign);
}
