using System.Globalization;
using System.Text;

namespace Depot.Cli.Build;

/// <summary>The file that <c>DEPOT_BUILDS_FILE</c> names: a line for every build that ended, for whoever reports on a whole CI job.</summary>
/// <remarks>Result (<c>success</c>, <c>error</c>, <c>canceled</c>), whole seconds, project, address of the build; separated by tabs.</remarks>
internal static class BuildLedger
{
    public static void Note(CliContext cli, string result, TimeSpan took, string projectId, string url)
    {
        if (cli.Settings.BuildsFile is not { } path)
        {
            return;
        }

        var line = string.Create(CultureInfo.InvariantCulture, $"{result}\t{took.TotalSeconds:0}\t{projectId}\t{url}\n");
        try
        {
            // One write at the end of the file: builds that run at once do not mix their lines.
            using var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            file.Write(Encoding.UTF8.GetBytes(line));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            cli.Warn($"could not note the build in {path}, which DEPOT_BUILDS_FILE names: {problem.Message}");
        }
    }
}
