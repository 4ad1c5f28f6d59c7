using System.Text;
using Slipway.Bake.Definition;
using Slipway.BuildKit.Progress;

namespace Depot.Cli.Bake;

/// <summary>Reads definition files of this machine.</summary>
internal static class DefinitionFiles
{
    /// <summary>A definition that is larger is none.</summary>
    private const int BytesMax = 64 << 20;

    /// <summary>What is read when no file is named: all of these that exist, in this order.</summary>
    public static IReadOnlyList<string> DefaultNames { get; } =
    [
        "compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml",
        "docker-bake.json", "docker-bake.hcl", "docker-bake.override.json", "docker-bake.override.hcl",
    ];

    /// <param name="names"><c>-</c> is standard input.</param>
    public static async Task<IReadOnlyList<BakeFile>> ReadAsync(
        CliContext cli, IReadOnlyList<string> names, RunningVertex step, CancellationToken cancellation)
    {
        var files = new List<BakeFile>();
        foreach (var name in names.Count > 0 ? names : DefaultNames.Where(name => File.Exists(Path.Combine(cli.WorkingFolder, name))))
        {
            files.Add(new BakeFile(name, await ReadAsync(cli, name, step, cancellation)));
        }

        return files;
    }

    private static async Task<string> ReadAsync(CliContext cli, string name, RunningVertex step, CancellationToken cancellation)
    {
        var started = cli.Clock.GetUtcNow();
        try
        {
            await using var stream = name == "-" ? cli.Terminal.In : new FileStream(Path.GetFullPath(name, cli.WorkingFolder), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var content = new MemoryStream();
            await stream.CopyToAsync(content, cancellation);
            if (content.Length > BytesMax)
            {
                throw new CliException($"{name} is larger than a build definition can be ({BytesMax >> 20} MiB)");
            }

            step.Report(name == "-" ? "reading from stdin" : $"reading {name}", content.Length, content.Length, started, completed: true);
            return Encoding.UTF8.GetString(content.GetBuffer(), 0, (int)content.Length);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"open {name}: {Reason(problem, Path.GetFullPath(name, cli.WorkingFolder))}", inner: problem);
        }
    }

    private static string Reason(Exception problem, string path) => problem switch
    {
        FileNotFoundException or DirectoryNotFoundException => "no such file or directory",
        UnauthorizedAccessException => Directory.Exists(path) ? "is a directory" : "permission denied",
        _ => problem.Message,
    };
}
