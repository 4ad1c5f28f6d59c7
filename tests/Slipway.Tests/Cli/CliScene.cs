using Depot.Cli;
using Depot.Cli.Build;
using Depot.Cli.Settings;

namespace Slipway.Tests.Cli;

/// <summary>A folder, an environment and streams for one command.</summary>
internal sealed class CliScene : IDisposable
{
    public CliScene() => Settings = new CliSettings(name => Environment.GetValueOrDefault(name));

    public string Folder { get; } = Directory.CreateTempSubdirectory("depot-test-").FullName;

    public Dictionary<string, string> Environment { get; } = [];

    public CliSettings Settings { get; }

    public Stream Input { get; set; } = Stream.Null;

    public string Write(string name, string text)
    {
        var path = Path.Combine(Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    public Task<BuildPlan> ResolveAsync(params string[] words) => BuildPlan.ResolveAsync(
        BuildCommand.ReadArguments(words, _ => { }), Settings, Folder, new StandardStreams(Input, false, false), CancellationToken.None);

    /// <summary>Runs a command as <c>Main</c> does.</summary>
    public async Task<(int ExitCode, string Output, string Error)> RunAsync(string[] words, CancellationToken cancellation = default)
    {
        var output = new StringWriter { NewLine = "\n" };
        var error = new StringWriter { NewLine = "\n" };
        var context = new CliContext
        {
            Settings = Settings,
            WorkingFolder = Folder,
            Streams = new StandardStreams(Input, false, false),
            Output = output,
            Error = TextWriter.Synchronized(error),
        };
        var exitCode = await CliHost.RunAsync(context, words, cancellation);
        return (exitCode, output.ToString(), error.ToString());
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
