using Depot.Cli.ControlPlane;

namespace Depot.Cli.Build;

/// <summary>What a build saved, and how to come by it: the published client's words, with the server's own registry.</summary>
internal static class SaveSummary
{
    /// <param name="targets">Of a bake; empty for a plain build.</param>
    public static void Print(CliContext cli, RemoteBuild build, IReadOnlyList<string> targets)
    {
        if (cli.Settings.HideSummaryLink)
        {
            return;
        }

        cli.Error.WriteLine($"\nSaved {(targets.Count > 1 ? "targets" : "target")}: {string.Join(',', targets)}");
        cli.Error.WriteLine($"\tTo pull: depot pull --project {build.ProjectId} {build.Id}");
        if (build.SavedNames.Count > 1)
        {
            PrintTags(cli, build, targets);
        }

        cli.Error.WriteLine($"\tTo push: depot push {(targets.Count > 0 ? "--target <TARGET> " : "")}--project {build.ProjectId} --tag <REPOSITORY:TAG> {build.Id}");
    }

    private static void PrintTags(CliContext cli, RemoteBuild build, IReadOnlyList<string> targets)
    {
        cli.Error.WriteLine("\tTo pull save-tags:");
        cli.Error.WriteLine($"\t\tdocker login {ImageReference.Locate(build.SavedNames[0]).Host} -u {ImageApi.User} -p $(depot pull-token --project {build.ProjectId})\n");
        foreach (var name in build.SavedNames.Skip(1).SelectMany(name => targets.Count == 0 ? [name] : targets.Select(target => $"{name}-{target}")))
        {
            cli.Error.WriteLine($"\t\tdocker pull {name}");
        }

        cli.Error.WriteLine("");
    }
}
