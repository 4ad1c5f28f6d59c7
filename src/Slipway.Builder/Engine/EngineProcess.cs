using System.Diagnostics;
using System.Globalization;

namespace Slipway.Builder.Engine;

/// <summary>A running engine daemon.</summary>
internal sealed class EngineProcess : IDisposable
{
    private static readonly TimeSpan TermLimit = TimeSpan.FromSeconds(10);

    private readonly Process _process;
    private readonly Task<int> _exit;

    private EngineProcess(Process process) => (_process, _exit) = (process, ExitCodeAsync(process));

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Starts the daemon in its own session, so that a Ctrl-C at the builder's terminal is not for it, with its output in
    /// the run's log file and nothing of this process's environment but what a program needs: the builder's own holds secrets.</summary>
    /// <remarks>As root it gets its own process and mount namespaces, which the kernel empties when its first process dies: no build
    /// step, shim, or mount survives the engine, however it ends. The process started here is then <c>unshare</c>, which waits for it.</remarks>
    public static EngineProcess Start(EngineLaunch launch, EngineFolder folder, BuilderOptions options)
    {
        var script = "exec </dev/null >>\"$1\" 2>&1; shift\n" + launch.Preamble + "\nexec \"$@\"";
        List<string> words = ["/bin/sh", "-c", script, "slipway-engine", folder.Log];
        if (Libc.EffectiveUserId() == 0)
        {
            words.InsertRange(0, [Require("unshare", options.SearchPath), "--mount", "--propagation", "slave", "--pid", "--fork",
                "--kill-child=SIGKILL", "--mount-proc", "--"]);
            // The first process of a namespace inherits its orphans; this one buries them and passes signals on.
            if (ShortCommand.Find("docker-init", options.SearchPath + ":/usr/libexec/docker") is { } init)
            {
                words.AddRange([init, "--"]);
            }
        }

        if (launch.NetworkNamespace is { } network)
        {
            words.InsertRange(0, [Require("nsenter", options.SearchPath), "--net=" + network, "--"]);
        }

        words.Insert(0, Require("setsid", options.SearchPath));
        words.Add(launch.Program);
        words.AddRange(launch.Arguments);
        var start = new ProcessStartInfo(words[0], words[1..]) { WorkingDirectory = folder.Run };
        start.Environment.Clear();
        foreach (var (name, value) in options.EngineEnvironment)
        {
            start.Environment[name] = value;
        }

        start.Environment["PATH"] = Path.GetDirectoryName(launch.Program) + ":" + options.SearchPath;
        start.Environment["HOME"] = folder.Run;
        File.Delete(folder.Log);
        var process = Process.Start(start)!;
        File.WriteAllText(folder.PidFile, string.Create(CultureInfo.InvariantCulture, $"{process.Id} {ProcessTable.StartTimeOf(process.Id) ?? 0}"));
        return new EngineProcess(process);
    }

    /// <summary>How it ended, once <see cref="WaitForExitAsync"/> has said so: a signal that nobody here sent is worth more than its last words.</summary>
    public string Ending(string lastWords)
    {
        // unshare and docker-init pass a signal's number on as a shell does.
        const int Signalled = 128;
        return _exit.Result switch
        {
            Signalled + Libc.SigKill => "it was killed (signal 9), as the kernel does when memory runs out",
            > Signalled and var code => $"it was ended by signal {code - Signalled}",
            var code => $"it died with exit code {code}" + (lastWords.Length > 0 ? $": {lastWords}" : ""),
        };
    }

    public Task WaitForExitAsync(CancellationToken cancellation) => _exit.WaitAsync(cancellation);

    public void Kill() => _ = _process.HasExited ? 0 : Libc.Kill(_process.Id, Libc.SigKill);

    /// <summary>Asks it to end, then makes it.</summary>
    public async Task StopAsync()
    {
        if (_process.HasExited)
        {
            return;
        }

        // unshare ignores the signal while it waits.
        _ = Libc.Kill(Libc.EffectiveUserId() == 0 ? ProcessTable.ChildOf(_process.Id) ?? _process.Id : _process.Id, Libc.SigTerm);
        using var limit = new CancellationTokenSource(TermLimit);
        try
        {
            await WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            Kill();
            await WaitForExitAsync(CancellationToken.None);
        }
    }

    /// <summary>What it holds is let go when the process has ended, so that whoever watches it can still read how.</summary>
    public void Dispose() => _exit.ContinueWith(_ => _process.Dispose(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

    private static async Task<int> ExitCodeAsync(Process process)
    {
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    private static string Require(string name, string searchPath) => ShortCommand.Find(name, searchPath)
        ?? throw new EngineException($"{name} (util-linux) was found nowhere in {searchPath}; install util-linux");
}
