using Depot.Cli.Docker.Configure;
using Depot.Cli.Settings;

namespace Depot.Cli.Docker.Plugin;

/// <summary>This program in the place of <c>docker-buildx</c>: builds are ours, everything else is buildx's own when there is one.</summary>
internal static class BuildxPlugin
{
    public const string OwnBuilder = "depot";

    public static Task<int> RunAsync(CliContext cli, PluginCall call, string[] original, CancellationToken cancellation)
    {
        var words = TakeBuilder(call.Words, out var builder);
        var real = PluginFolders.FindBuildx(cli.Settings);
        var command = words.FirstOrDefault(word => !word.StartsWith('-')) ?? "";
        if (IsBuild(command))
        {
            cli.LoadsByDefault = !cli.Settings.NoDefaultLoad;
            cli.StandsInForBuildx = true;
            return real is not null && IsBuilderOf(cli, builder) ? PassOn(cli, real, original) : CliHost.RunAsync(cli, words, cancellation);
        }

        return OwnAnswers.To(cli, command, words, hasBuildx: real is not null) is { } answer ? Task.FromResult(answer)
            : real is not null ? PassOn(cli, real, original)
            : command == "imagetools" ? CliHost.RunAsync(cli, words, cancellation)
            : IsListOfBuilds(words) ? ListBuildsAsync(cli, cancellation)
            : throw Missing(command);
    }

    private static bool IsListOfBuilds(string[] words) => words.Where(word => !word.StartsWith('-')).ToArray() is ["history", "ls", ..];

    private static Task<int> ListBuildsAsync(CliContext cli, CancellationToken cancellation) => CliHost.RunAsync(cli, ["list", "builds"], cancellation);

    private static bool IsBuild(string command) => Commands.Root.Find(command) is { Name: "build" or "bake" };

    /// <summary>The words without <c>--builder NAME</c>, which may stand before and behind the command.</summary>
    internal static string[] TakeBuilder(string[] words, out string? builder)
    {
        builder = null;
        var rest = new List<string>();
        for (var i = 0; i < words.Length; i++)
        {
            if (words[i] == "--")
            {
                rest.AddRange(words[i..]);
                break;
            }

            if (words[i] == "--builder" && i + 1 < words.Length)
            {
                builder = words[++i];
            }
            else if (words[i].StartsWith("--builder=", StringComparison.Ordinal))
            {
                builder = words[i]["--builder=".Length..];
            }
            else
            {
                rest.Add(words[i]);
            }
        }

        return [.. rest];
    }

    /// <summary>Whether the user chose one of buildx's own builders. A flag always does; the variable only when it names one that was created:
    /// the Docker CLI sets it to the name of its context by itself.</summary>
    private static bool IsBuilderOf(CliContext cli, string? flag)
    {
        if (flag is { Length: > 0 })
        {
            return flag != OwnBuilder;
        }

        return cli.Settings.BuildxBuilder is { } named && named != OwnBuilder && !named.Contains('/', StringComparison.Ordinal)
            && File.Exists(Path.Combine(cli.Settings.BuildxConfigFolder, "instances", named));
    }

    private static Task<int> PassOn(CliContext cli, string real, string[] original)
    {
        if (cli.Settings.Variable(RealBuildxMark) is not null)
        {
            throw new CliException($"{real} is not Docker's buildx: it hands commands back") { Remedy = "Remove it, or install Docker's own buildx plugin." };
        }

        if (OperatingSystem.IsWindows())
        {
            throw ConfigureDockerCommand.NotOnWindows();
        }

        ProcessImage.Replace(real, original, CliSettings.ProcessEnvironment().Append($"{RealBuildxMark}=1"));
        return Task.FromResult(ExitCode.Failed);
    }

    /// <summary>Set for a buildx that this program starts, so that two copies of it cannot pass a command to and fro.</summary>
    private const string RealBuildxMark = "SLIPWAY_PASSED_TO_BUILDX";

    private static CliException Missing(string command) => command switch
    {
        "history" => new("the server keeps the records of builds, not a builder of this machine")
        {
            Remedy = "`depot list builds` lists them; every build prints its page, which has its steps and their output.",
        },
        "dial-stdio" => new("the remote builders are reached for one build at a time, not by `docker buildx dial-stdio`")
        {
            Remedy = "`depot exec -- COMMAND` runs a command with BUILDKIT_HOST set to a builder of the project.",
        },
        _ => NeedsBuildx(command),
    };

    private static CliException NeedsBuildx(string command) => new($"`docker buildx{(command.Length > 0 ? " " + command : "")}` needs Docker's own buildx, which is not installed")
    {
        Remedy = "Builds (`docker build`, `docker buildx build`, `docker buildx bake`) run on the remote builders without it. For the rest install the docker-buildx plugin.",
    };
}
