using Depot.Cli.Settings;

namespace Depot.Cli.Docker.Plugin;

/// <summary>How the Docker CLI, or Compose, called this program as one of Docker's plugins.</summary>
/// <remarks>
/// Docker runs <c>docker-NAME [docker's own flags] NAME words…</c>; Compose runs <c>docker-buildx words…</c>. The flags before the name say where
/// Docker's settings and its daemon are; they count as the variables do that they stand for.
/// </remarks>
/// <param name="Plugin">The program's name: <c>docker-buildx</c>, <c>docker-depot</c>.</param>
/// <param name="Words">What follows the plugin's name.</param>
/// <param name="Settings">What Docker's flags set, by the variable's name.</param>
internal sealed record PluginCall(string Plugin, string[] Words, IReadOnlyDictionary<string, string> Settings)
{
    public const string Buildx = "docker-buildx";
    public const string Depot = "docker-depot";

    /// <summary>Docker's questions to a plugin; asked twice for every docker command.</summary>
    public const string MetadataWord = "docker-cli-plugin-metadata";

    /// <summary>The buildx whose commands and words are ours. Compose hands builds over to 0.17 and newer only.</summary>
    public const string BuildxVersion = "v0.29.1+slipway";

    /// <summary>Null when the program was called by its own name.</summary>
    public static PluginCall? Read(string program, string[] words)
    {
        var name = Path.GetFileName(program);
        if (name is not (Buildx or Depot))
        {
            return null;
        }

        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        var next = 0;
        while (next < words.Length && words[next].StartsWith('-') && TakeFlag(words, ref next, settings))
        {
        }

        var rest = words[next..];
        var called = name["docker-".Length..];
        return new PluginCall(name, rest is [var first, ..] && first == called ? rest[1..] : rest, settings);
    }

    /// <summary>The settings of this call: Docker's flags count before variables, and the project that <c>configure-docker</c> was told behind them.</summary>
    public CliSettings Over(CliSettings process)
    {
        var settings = process.With(Settings);
        return settings.ProjectId is null && ConfiguredProject(settings) is { } project
            ? settings.With(new Dictionary<string, string> { ["DEPOT_PROJECT_ID"] = project })
            : settings;
    }

    /// <summary>The user's own word counts before the machine's.</summary>
    private static string? ConfiguredProject(CliSettings settings) => new[] { PluginFolders.Of(settings), PluginFolders.System }
        .Select(folder => Configure.InstallRecord.Read(folder)?.ProjectId).FirstOrDefault(project => project is not null);

    public static string Metadata(string program) => string.Concat(
        "{\"SchemaVersion\":\"0.1.0\",\"Vendor\":\"Slipway\",\"Version\":\"",
        Path.GetFileName(program) == Buildx ? BuildxVersion : $"v{CliVersion.Number}",
        "\",\"ShortDescription\":\"Build on remote builders\"}\n");

    /// <summary>Takes one of Docker's flags; false for what is none, and for one whose value is missing.</summary>
    private static bool TakeFlag(string[] words, ref int next, Dictionary<string, string> settings)
    {
        var word = words[next];
        var equals = word.IndexOf('=', StringComparison.Ordinal);
        var flag = equals < 0 ? word : word[..equals];
        if (flag is "-D" or "--debug" or "--tls" or "--tlsverify")
        {
            if (flag == "--tlsverify")
            {
                settings["DOCKER_TLS_VERIFY"] = "1";
            }

            next++;
            return true;
        }

        if (flag is not ("--config" or "-c" or "--context" or "-H" or "--host" or "-l" or "--log-level" or "--tlscacert" or "--tlscert" or "--tlskey")
            || (equals < 0 && next + 1 >= words.Length))
        {
            return false;
        }

        Apply(flag, equals < 0 ? words[next + 1] : word[(equals + 1)..], settings);
        next += equals < 0 ? 2 : 1;
        return true;
    }

    private static void Apply(string flag, string value, Dictionary<string, string> settings)
    {
        switch (flag)
        {
            case "--config":
                settings["DOCKER_CONFIG"] = value;
                break;
            case "-c" or "--context":
                settings["DOCKER_CONTEXT"] = value;

                // A context that is named counts before the variable.
                settings["DOCKER_HOST"] = "";
                break;
            case "-H" or "--host":
                settings["DOCKER_HOST"] = value;
                break;
            case "--tlscacert" or "--tlscert" or "--tlskey":
                settings["DOCKER_CERT_PATH"] = Path.GetDirectoryName(value) ?? "";
                break;
        }
    }
}
