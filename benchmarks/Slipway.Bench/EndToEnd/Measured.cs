using System.Diagnostics;
using System.Globalization;

namespace Slipway.Bench.EndToEnd;

/// <summary>What one run of a command cost.</summary>
/// <param name="Seconds">Wall clock.</param>
/// <param name="CpuSeconds">User and system time of the command and its children.</param>
/// <param name="PeakMiB">Largest resident set.</param>
internal sealed record Cost(double Seconds, double CpuSeconds, double PeakMiB)
{
    public static Cost Median(IReadOnlyList<Cost> costs) => new(
        MedianOf(costs.Select(cost => cost.Seconds)), MedianOf(costs.Select(cost => cost.CpuSeconds)), MedianOf(costs.Select(cost => cost.PeakMiB)));

    private static double MedianOf(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted.Count % 2 == 1 ? sorted[sorted.Count / 2] : (sorted[(sorted.Count / 2) - 1] + sorted[sorted.Count / 2]) / 2;
    }
}

/// <summary>Runs whole commands under GNU time.</summary>
internal static class Measured
{
    public static async Task<Cost> RunAsync(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var figures = Path.GetTempFileName();
        try
        {
            var start = new ProcessStartInfo("/usr/bin/time") { RedirectStandardError = true, RedirectStandardOutput = true };
            foreach (var argument in (string[])["-f", "%U %S %M", "-o", figures, program, .. arguments])
            {
                start.ArgumentList.Add(argument);
            }

            foreach (var (name, value) in environment)
            {
                start.Environment[name] = value;
            }

            var clock = Stopwatch.StartNew();
            using var process = Process.Start(start)!;
            var output = process.StandardOutput.ReadToEndAsync();
            var error = process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();
            var seconds = clock.Elapsed.TotalSeconds;
            if (process.ExitCode != 0)
            {
                throw new InvalidOperationException(
                    $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{await output}\n{await error}");
            }

            var parts = (await File.ReadAllTextAsync(figures)).Trim().Split(' ');
            double Number(int index) => double.Parse(parts[index], CultureInfo.InvariantCulture);
            return new Cost(seconds, Number(0) + Number(1), Number(2) / 1024);
        }
        finally
        {
            File.Delete(figures);
        }
    }
}
