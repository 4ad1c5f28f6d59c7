using System.ComponentModel;
using System.Diagnostics;
using Depot.Cli.Flags;

namespace Depot.Cli.Exec;

/// <summary>A command that runs in our place for a while: our terminal, our folder, our environment and a little more.</summary>
internal static class ChildCommand
{
    /// <summary>A command that does not end by itself when it is told to.</summary>
    private static readonly TimeSpan EndsWithin = TimeSpan.FromSeconds(10);

    /// <returns>The command's exit code; of one that a signal ended, 128 and the signal's number.</returns>
    public static async Task<int> RunAsync(
        string[] command, IReadOnlyDictionary<string, string> variables, CliContext cli, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(command[0]) { WorkingDirectory = cli.WorkingFolder };
        foreach (var word in command[1..])
        {
            start.ArgumentList.Add(word);
        }

        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }

        using var child = Start(start);
        try
        {
            await child.WaitForExitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            await EndAsync(child);
            throw;
        }

        return child.ExitCode;
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception problem)
        {
            throw new CliException($"cannot run {GoText.Quote(start.FileName)}: {new Win32Exception(problem.NativeErrorCode).Message}", inner: problem)
            {
                Remedy = "Is it installed and on PATH?",
            };
        }
    }

    /// <summary>An interrupt from the terminal has reached it, too; a signal to us has not.</summary>
    private static async Task EndAsync(Process child)
    {
        ChildSignal.Terminate(child.Id);
        using var limit = new CancellationTokenSource(EndsWithin);
        try
        {
            await child.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            child.Kill(entireProcessTree: true);
        }
    }
}
