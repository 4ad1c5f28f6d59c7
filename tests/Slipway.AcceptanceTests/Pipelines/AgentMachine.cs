using System.Text;

namespace Slipway.AcceptanceTests.Pipelines;

/// <summary>A machine of the Elastic CI Stack: agents run their jobs on it as an unprivileged user with a terminal, each job with an empty
/// <c>DOCKER_CONFIG</c>.</summary>
internal sealed class AgentMachine : IAsyncDisposable
{
    public const string User = "buildkite-agent";
    public const int UserId = 20017;
    public const int DockerGroupId = 20018;

    private readonly Stage _stage;
    private readonly string _folder;
    private readonly RunningCommand _holder;
    private int _jobs;

    private AgentMachine(Stage stage, string folder, RunningCommand holder)
    {
        _stage = stage;
        _folder = folder;
        _holder = holder;
    }

    public static async Task<AgentMachine> StartAsync(Stage stage, int number)
    {
        var folder = stage.Path($"machine-{number}");
        Directory.CreateDirectory(folder);
        var machine = new AgentMachine(stage, folder, stage.Start("unshare", ["--mount", "sh", Script("machine.sh"), folder]));
        await machine._holder.SaysAsync("the machine is up");
        return machine;
    }

    /// <summary>Runs one job to its end. What the terminal showed is the result's output.</summary>
    public async Task<CommandResult> RunAsync(AgentStep step)
    {
        await using var running = await StartAsync(step);
        var result = await running.WaitAsync();
        return result with { Output = result.Output.Replace("\r\n", "\n", StringComparison.Ordinal) };
    }

    public async Task<RunningCommand> StartAsync(AgentStep step)
    {
        var home = System.IO.Path.Combine(_folder, $"job-{Interlocked.Increment(ref _jobs)}");
        WriteJob(step, home);
        (await RunningCommand.Start("chown", ["-R", $"{UserId}:{UserId}", home]).WaitAsync()).MustSucceed();
        _stage.Buildkite.Add(step.Job);
        return Enter(
            step.IsTyped,
            "setpriv", $"--reuid={UserId}", $"--regid={UserId}", $"--groups={UserId},{DockerGroupId}", "--",
            "env", "-i", "TERM=xterm-256color", "script", "--quiet", "--return", "--flush", "--command", $"exec bash {home}/job", "/dev/null");
    }

    /// <summary>Runs a command as this machine's root, as a bootstrap script does.</summary>
    public Task<CommandResult> RunAsRootAsync(string command) => Enter(isTypedTo: false, "env", "-i", "HOME=/root", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "bash", "-ec", command).WaitAsync();

    public ValueTask DisposeAsync() => _holder.DisposeAsync();

    public static string Script(string name) => System.IO.Path.Combine(Parts.Root, "tests/Slipway.AcceptanceTests/Pipelines", name);

    private RunningCommand Enter(bool isTypedTo, params string[] command) =>
        RunningCommand.Start("nsenter", ["--target", $"{_holder.ProcessId}", "--net", "--mount", "--", .. command], isTypedTo: isTypedTo);

    private static void WriteJob(AgentStep step, string home)
    {
        var checkout = System.IO.Path.Combine(home, "checkout");
        Directory.CreateDirectory(checkout);
        foreach (var (name, contents) in step.Files)
        {
            var file = System.IO.Path.Combine(checkout, name);
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
            File.WriteAllText(file, contents);
        }

        var job = new StringBuilder("stty rows 100 cols 160\n");
        foreach (var (name, value) in Environment(step, home))
        {
            job.Append("export ").Append(name).Append('=').Append(Quote(value)).Append('\n');
        }

        // The stack's environment hook, then those of plugins, then the command in a shell that stops at the first failure.
        job.Append("cd ").Append(Quote(checkout)).Append("\nexport DOCKER_CONFIG=$(mktemp -d)\n").Append(step.Hook)
            .Append("\n/bin/bash -e -c ").Append(Quote(step.Command)).Append("\nstatus=$?\n").Append(step.AfterHook).Append("\nrm -rf \"$DOCKER_CONFIG\"\nexit $status\n");
        File.WriteAllText(System.IO.Path.Combine(home, "job"), job.ToString());
    }

    private static IEnumerable<KeyValuePair<string, string>> Environment(AgentStep step, string home) =>
    [
        new("HOME", home),
        new("PATH", $"{(step.HasOwnFolderOnPath ? $"{home}/.local/bin:" : "")}/usr/local/bin:/usr/bin:/bin"),
        .. step.IsTyped ? [] : step.Job.Environment,
        .. step.Environment,
    ];

    private static string Quote(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
