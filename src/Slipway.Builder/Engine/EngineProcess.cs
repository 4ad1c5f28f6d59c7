using System.Diagnostics;
using System.Globalization;

namespace Slipway.Builder.Engine;

/// <summary>A running engine daemon.</summary>
internal sealed class EngineProcess : IDisposable
{
    private static readonly TimeSpan TermLimit = TimeSpan.FromSeconds(10);

    private readonly Process _process;

    private EngineProcess(Process process) => _process = process;

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Starts the daemon in its own session, so that a Ctrl-C at the builder's terminal is not for it, with its output in
    /// the run's log file and nothing of this process's environment but what a program needs: the builder's own holds secrets.</summary>
    public static EngineProcess Start(EngineLaunch launch, EngineFolder folder, BuilderOptions options)
    {
        var searchPath = options.SearchPath;
        // Every step replaces the process by the next (exec), so the pid stays the daemon's.
        const string Script = "exec </dev/null >>\"$1\" 2>&1; shift; {0}\nexec \"$@\"";
        var script = Script.Replace("{0}", launch.Preamble, StringComparison.Ordinal);
        List<string> words = ["/bin/sh", "-c", script, "slipway-engine", folder.Log, launch.Program, .. launch.Arguments];
        if (Libc.EffectiveUserId() == 0)
        {
            // Whatever the engine mounts goes when it goes.
            words.InsertRange(0, [Require("unshare", searchPath), "--mount", "--propagation", "slave", "--"]);
        }

        words.Insert(0, Require("setsid", searchPath));
        var start = new ProcessStartInfo(words[0], words[1..]) { WorkingDirectory = folder.Run };
        start.Environment.Clear();
        foreach (var (name, value) in options.EngineEnvironment)
        {
            start.Environment[name] = value;
        }

        start.Environment["PATH"] = Path.GetDirectoryName(launch.Program) + ":" + searchPath;
        start.Environment["HOME"] = folder.Run;
        File.Delete(folder.Log);
        var process = Process.Start(start)!;
        File.WriteAllText(folder.PidFile, string.Create(CultureInfo.InvariantCulture, $"{process.Id} {ProcessTable.StartTimeOf(process.Id) ?? 0}"));
        return new EngineProcess(process);
    }

    public Task WaitForExitAsync(CancellationToken cancellation) => _process.WaitForExitAsync(cancellation);

    public void Kill() => _ = _process.HasExited ? 0 : Libc.Kill(_process.Id, Libc.SigKill);

    /// <summary>Asks it to end, then makes it.</summary>
    public async Task StopAsync()
    {
        if (_process.HasExited)
        {
            return;
        }

        _ = Libc.Kill(_process.Id, Libc.SigTerm);
        using var limit = new CancellationTokenSource(TermLimit);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }
    }

    public void Dispose() => _process.Dispose();

    private static string Require(string name, string searchPath) => ShortCommand.Find(name, searchPath)
        ?? throw new EngineException($"{name} (util-linux) was found nowhere in {searchPath}; install util-linux");
}
