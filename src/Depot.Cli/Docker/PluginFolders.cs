using Depot.Cli.Settings;

namespace Depot.Cli.Docker;

/// <summary>Where the Docker CLI looks for its plugins.</summary>
internal static class PluginFolders
{
    /// <summary>The folder for every user of a machine that Debian's and Docker's own packages use.</summary>
    public const string System = "/usr/libexec/docker/cli-plugins";

    /// <summary>The name under which a buildx is kept whose place this program takes: Docker sees only names that begin with <c>docker-</c>.</summary>
    public const string OriginalBuildx = "original-docker-buildx";

    private static readonly string[] s_systemFolders =
        ["/usr/local/lib/docker/cli-plugins", "/usr/local/libexec/docker/cli-plugins", "/usr/lib/docker/cli-plugins", System];

    public static string Of(CliSettings settings) => Path.Combine(settings.DockerConfigFolder, "cli-plugins");

    /// <summary>In Docker's own order.</summary>
    public static IEnumerable<string> All(CliSettings settings) => s_systemFolders.Prepend(Of(settings));

    /// <summary>The buildx that a package or the user installed; null without one.</summary>
    public static string? FindBuildx(CliSettings settings) => All(settings)
        .SelectMany(folder => new[] { Path.Combine(folder, OriginalBuildx), Path.Combine(folder, "docker-buildx") })
        .FirstOrDefault(path => File.Exists(path) && !IsOurs(path));

    /// <summary>The first plugin of that name that Docker would run.</summary>
    public static string? Find(CliSettings settings, string name) =>
        All(settings).Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>A link to this program, or to another copy of it.</summary>
    public static bool IsOurs(string path)
    {
        var target = File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        return target == Environment.ProcessPath || (target != path && Path.GetFileName(target) == "depot");
    }
}
