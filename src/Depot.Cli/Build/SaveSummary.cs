namespace Depot.Cli.Build;

/// <summary>What a build saved, and how to come by it: the published client's words, with the server's own registry.</summary>
internal static class SaveSummary
{
    /// <param name="targets">Of a bake; empty for a plain build.</param>
    /// <param name="names">What the server called it: the build's id first, then the save tags.</param>
    public static void Print(CliContext cli, RemoteBuild build, IReadOnlyList<string> targets, IReadOnlyList<string> names)
    {
        if (cli.Settings.HideSummaryLink)
        {
            return;
        }

        cli.Error.WriteLine($"\nSaved {(targets.Count > 1 ? "targets" : "target")}: {string.Join(',', targets)}");
        cli.Error.WriteLine($"\tTo pull: depot pull --project {build.ProjectId} {build.Id}");
        if (names.Count > 1)
        {
            PrintTags(cli, build, targets, names);
        }

        cli.Error.WriteLine($"\tTo push: depot push {(targets.Count > 0 ? "--target <TARGET> " : "")}--project {build.ProjectId} --tag <REPOSITORY:TAG> {build.Id}");
    }

    private static void PrintTags(CliContext cli, RemoteBuild build, IReadOnlyList<string> targets, IReadOnlyList<string> names)
    {
        cli.Error.WriteLine("\tTo pull save-tags:");
        cli.Error.WriteLine($"\t\tdocker login {ImageReference.Locate(names[0]).Host} -u x-token -p $(depot pull-token --project {build.ProjectId})\n");
        foreach (var name in names.Skip(1).SelectMany(name => targets.Count == 0 ? [name] : targets.Select(target => $"{name}-{target}")))
        {
            cli.Error.WriteLine($"\t\tdocker pull {name}");
        }

        cli.Error.WriteLine("");
    }
}
