namespace Depot.Cli.Settings;

/// <summary>Which project a command works on: <c>--project</c>, <c>DEPOT_PROJECT_ID</c>, then the nearest project file.</summary>
internal static class ProjectChoice
{
    /// <param name="flag">The value of <c>--project</c>; empty counts as not given.</param>
    /// <param name="paths">Where to look for a project file: a folder, or a file whose folder counts; <c>-</c> and URLs mean <paramref name="workingFolder"/>.</param>
    public static string? Find(string? flag, CliSettings settings, string workingFolder, IEnumerable<string> paths, Action<string> warn)
    {
        if (flag is { Length: > 0 })
        {
            return flag;
        }

        if (settings.ProjectId is { } named)
        {
            return named;
        }

        var found = new List<ProjectFile>();
        foreach (var folder in paths.Select(path => StartFolder(path, workingFolder)).DefaultIfEmpty(workingFolder).Distinct(StringComparer.Ordinal))
        {
            if (ProjectFile.Find(folder, warn) is { } file && found.TrueForAll(known => known.Path != file.Path))
            {
                found.Add(file);
            }
        }

        if (found.Select(file => file.Id).Distinct(StringComparer.Ordinal).Skip(1).Any())
        {
            warn($"More than one project ID discovered: {string.Join(", ", found.Select(file => file.Id))}.  Using project: {found[^1].Id}");
        }

        return found.Count == 0 ? null : found[^1].Id;
    }

    /// <summary>The same for a command that cannot do without.</summary>
    /// <exception cref="CliException">None was said, and none is found.</exception>
    public static string Require(string flag, CliContext cli, IEnumerable<string> paths) =>
        Find(flag, cli.Settings, cli.WorkingFolder, paths, cli.Warn) ?? throw Unknown();

    public static CliException Unknown() => new("unknown project ID (run `depot init` or use --project or $DEPOT_PROJECT_ID)");

    private static string StartFolder(string path, string workingFolder)
    {
        if (path is "" or "-" || path.Contains("://", StringComparison.Ordinal))
        {
            return workingFolder;
        }

        var full = Path.GetFullPath(path, workingFolder);
        return Directory.Exists(full) ? full : Path.GetDirectoryName(full) ?? full;
    }
}
