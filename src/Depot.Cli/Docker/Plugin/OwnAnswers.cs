namespace Depot.Cli.Docker.Plugin;

/// <summary>What scripts ask buildx around a build, answered where there is no buildx, or where they ask after the builder <c>depot</c>.</summary>
internal static class OwnAnswers
{
    private const string Platforms = "linux/amd64, linux/arm64";

    /// <returns>Null when this is for buildx itself.</returns>
    public static int? To(CliContext cli, string command, string[] words, bool hasBuildx)
    {
        if (command == "version")
        {
            cli.Output.Write($"github.com/docker/buildx {PluginCall.BuildxVersion} depot-{CliVersion.Number}\n");
            return ExitCode.Done;
        }

        var names = words.Where(word => !word.StartsWith('-')).Skip(1).ToList();
        return hasBuildx && !names.Contains(BuildxPlugin.OwnBuilder) ? null : Answer(cli, command, words, names);
    }

    private static int? Answer(CliContext cli, string command, string[] words, List<string> names)
    {
        switch (command)
        {
            case "ls":
                cli.Output.Write(List(cli));
                return ExitCode.Done;
            case "inspect":
                cli.Output.Write(Inspect(cli));
                return ExitCode.Done;
            case "create":
                cli.Output.Write($"{NameIn(words) ?? BuildxPlugin.OwnBuilder}\n");
                Explain(cli);
                return ExitCode.Done;
            case "use" or "rm" or "stop":
                Explain(cli);
                return ExitCode.Done;
            case "prune":
                cli.Output.Write("Total:\t0B\n");
                ExplainCache(cli);
                return ExitCode.Done;
            case "du":
                cli.Output.Write("Reclaimable:\t0B\nTotal:\t\t0B\n");
                ExplainCache(cli);
                return ExitCode.Done;
            case "":
                cli.Output.Write("Usage:  docker buildx COMMAND\n\nBuilds run on remote builders: `docker buildx build --help`, `docker buildx bake --help`.\n");
                return ExitCode.Done;
            default:
                return null;
        }
    }

    private static void Explain(CliContext cli) => cli.Error.WriteLine($"[depot] builds run on the remote builders of {cli.Settings.ApiUrl.Url}");

    /// <summary>A job that clears up behind itself must not take the whole team's cache away.</summary>
    private static void ExplainCache(CliContext cli) => cli.Error.WriteLine(
        $"[depot] there is no build cache on this machine: the builders of {cli.Settings.ApiUrl.Url} keep it within their limits; `depot cache reset` empties the project's");

    private static string? NameIn(string[] words)
    {
        for (var i = 0; i < words.Length; i++)
        {
            if (words[i] == "--name" && i + 1 < words.Length)
            {
                return words[i + 1];
            }

            if (words[i].StartsWith("--name=", StringComparison.Ordinal))
            {
                return words[i]["--name=".Length..];
            }
        }

        return null;
    }

    private static string List(CliContext cli)
    {
        string[][] rows =
        [
            ["NAME/NODE", "DRIVER/ENDPOINT", "STATUS", "PLATFORMS"],
            [$"{BuildxPlugin.OwnBuilder}*", "depot", "", ""],
            [$" \\_ {BuildxPlugin.OwnBuilder}", $" \\_ {cli.Settings.ApiUrl.Url}", "running", Platforms],
        ];
        var widths = Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length) + 3).ToList();
        return string.Concat(rows.Select(row => string.Concat(row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd() + "\n"));
    }

    private static string Inspect(CliContext cli) =>
        $"Name:   {BuildxPlugin.OwnBuilder}\nDriver: depot\n\nNodes:\nName:      {BuildxPlugin.OwnBuilder}\nEndpoint:  {cli.Settings.ApiUrl.Url}\n"
        + $"Status:    running\nPlatforms: {Platforms}\n";
}
