using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Slipway.AcceptanceTests.Support;

/// <summary>What the server wrote down about a build.</summary>
public static partial class Records
{
    /// <summary>Issue 2: every build has its final status within this.</summary>
    public static readonly TimeSpan FinalWithin = TimeSpan.FromSeconds(60);

    public static string BuildIdOf(CommandResult result) => BuildIdIn(result.Error);

    public static string BuildIdIn(string words)
    {
        var match = BuildLine().Match(words);
        Assert.True(match.Success, $"no [depot] build line in:\n{words}");
        return match.Groups[1].Value;
    }

    /// <summary>Asks until the answer is as wanted, for as long as a final status may take; then gives the last answer as it is.</summary>
    public static async Task<CommandResult> EventuallyAsync(Func<Task<CommandResult>> ask, Func<CommandResult, bool> wanted)
    {
        var waited = Stopwatch.StartNew();
        while (true)
        {
            var answer = await ask();
            if (wanted(answer) || waited.Elapsed > FinalWithin)
            {
                return answer;
            }

            await Task.Delay(250);
        }
    }

    /// <summary>The row of <paramref name="build"/> in `depot list builds`, once it is not running any more.</summary>
    public static async Task<string> FinalRowAsync(Func<Task<CommandResult>> list, string build)
    {
        string Row(CommandResult result) => result.MustSucceed().Output.Split('\n').Single(line => line.StartsWith(build, StringComparison.Ordinal));
        return Row(await EventuallyAsync(list, result => !Row(result).Contains("running", StringComparison.Ordinal)));
    }

    [GeneratedRegex(@"\[depot\] build: \S*/([0-9a-z]+)\b")]
    private static partial Regex BuildLine();
}
