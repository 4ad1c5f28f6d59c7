using System.Text.RegularExpressions;

namespace Slipway.Server.Pages;

/// <summary>What a step printed, without what it told a terminal to do: colours, cursor moves, window titles, links.</summary>
internal static partial class AnsiText
{
    public static string Plain(string line) => Control().Replace(Sequence().Replace(line, ""), "");

    // ECMA-48: CSI, OSC up to its end (BEL or ST), other two-character escapes.
    [GeneratedRegex(@"\x1B(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1B]*(?:\x07|\x1B\\)?|[@-Z\\-_])", RegexOptions.NonBacktracking)]
    private static partial Regex Sequence();

    [GeneratedRegex(@"[\x00-\x08\x0B-\x1F\x7F]")]
    private static partial Regex Control();
}
