using System.Text;
using Depot.Cli;
using Depot.Cli.Build;
using Depot.Cli.Rendering;
using Depot.Cli.Settings;

namespace Slipway.Tests.Cli;

/// <summary>A folder, an environment and streams for one command.</summary>
internal sealed class CliScene : IDisposable
{
    public CliScene()
    {
        Environment["HOME"] = Folder;
        Settings = new CliSettings(Environment.GetValueOrDefault);
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("depot-test-").FullName;

    public Dictionary<string, string> Environment { get; } = [];

    public CliSettings Settings { get; set; }

    public Stream Input { get; set; } = Stream.Null;

    /// <summary>A person sits at the terminal.</summary>
    public bool Interactive { get; set; }

    public TimeProvider Clock { get; set; } = TimeProvider.System;

    public CliContext Context(TimeProvider clock, Stream? output = null, Stream? error = null) => new()
    {
        Settings = Settings,
        WorkingFolder = Folder,
        Clock = clock,
        Terminal = new Terminal
        {
            In = Input,
            Out = output ?? Stream.Null,
            Err = Stream.Synchronized(error ?? Stream.Null),
            InIsTerminal = Interactive,
            OutIsTerminal = Interactive,
            ErrIsTerminal = Interactive,
        },
    };

    public string Write(string name, string text)
    {
        var path = Path.Combine(Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    public Task<BuildPlan> ResolveAsync(params string[] words) => BuildPlan.ResolveAsync(
        BuildCommand.ReadArguments(words, _ => { }), Context(Clock), Input, CancellationToken.None);

    /// <summary>Runs a command as <c>Main</c> does.</summary>
    public async Task<(int ExitCode, string Output, string Error)> RunAsync(string[] words, CancellationToken cancellation = default)
    {
        var output = new MemoryStream();
        var error = new MemoryStream();
        var exitCode = await CliHost.RunAsync(Context(Clock, output, error), words, cancellation);
        return (exitCode, Encoding.UTF8.GetString(output.ToArray()), Encoding.UTF8.GetString(error.ToArray()));
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
