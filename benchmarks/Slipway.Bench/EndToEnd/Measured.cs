using System.Diagnostics;
using System.Globalization;

namespace Slipway.Bench.EndToEnd;

/// <summary>What one run of a command cost.</summary>
/// <param name="Seconds">Wall clock.</param>
/// <param name="CpuSeconds">User and system time of the command and its children.</param>
/// <param name="PeakMiB">Largest resident set.</param>
internal sealed record Cost(double Seconds, double CpuSeconds, double PeakMiB);

/// <summary>A command to run, and the variables that it sees beside the benchmark's own.</summary>
internal sealed record Command(string Program, IReadOnlyList<string> Arguments, IReadOnlyDictionary<string, string> Environment);

/// <summary>Runs whole commands under GNU time.</summary>
internal static class Measured
{
    /// <summary>No build of these is near this, however loaded the machine is.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    public static async Task<Cost> RunAsync(Command command, CancellationToken cancellation)
    {
        var figures = Path.GetTempFileName();
        try
        {
            var clock = Stopwatch.StartNew();
            await RunPlainlyAsync(command with { Program = "/usr/bin/time", Arguments = ["-f", "%U %S %M", "-o", figures, command.Program, .. command.Arguments] }, cancellation);
            var seconds = clock.Elapsed.TotalSeconds;
            var parts = (await File.ReadAllTextAsync(figures, cancellation)).Trim().Split(' ');
            double Number(int index) => double.Parse(parts[index], CultureInfo.InvariantCulture);
            return new Cost(seconds, Number(0) + Number(1), Number(2) / 1024);
        }
        finally
        {
            File.Delete(figures);
        }
    }

    /// <summary>Runs a command that must succeed; returns what it printed.</summary>
    public static async Task<string> RunPlainlyAsync(Command command, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(command.Program) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var argument in command.Arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in command.Environment)
        {
            start.Environment[name] = value;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Limit);
        using var process = Process.Start(start)!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var error = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return process.ExitCode == 0 ? await output : throw new InvalidOperationException(
                $"`{string.Join(' ', [command.Program, .. command.Arguments])}` ended with {process.ExitCode}: {(await error).Trim()}");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new InvalidOperationException($"`{string.Join(' ', [command.Program, .. command.Arguments])}` did not end within {Limit.TotalMinutes} minutes");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }
}
