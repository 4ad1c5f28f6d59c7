using System.Globalization;
using System.Text;
using Slipway.Contract.Connect;
using Slipway.Server.Records;

namespace Slipway.Server.Pages;

/// <summary>Log lines as a page shows them: a heading where another step speaks, colours, and nothing else that a terminal would obey.</summary>
internal static class LogView
{
    public const int PageSize = 1000;

    public static Html Of(IEnumerable<LogRow> lines, bool withSteps)
    {
        var step = "";
        return Html.Of($"""<pre class="log" tabindex="0" aria-label="Log">{Html.Join(lines.Select(line => Line(line, ref step, withSteps)))}</pre>""");
    }

    /// <param name="step">The step that spoke last; moves with the lines.</param>
    public static Html Line(LogRow line, ref string step, bool withSteps)
    {
        var speaker = $"{line.Architecture} {line.StepDigest}";
        var heading = !withSteps || step == speaker ? Html.Nothing : Html.Of($"""<span class="step">{line.StepName}</span>{"\n"}""");
        step = speaker;
        return Html.Of($"{heading}{AnsiText.Coloured(Encoding.UTF8.GetString(line.Line))}\n");
    }

    public static string Write(LogRow line) => string.Create(CultureInfo.InvariantCulture, $"{line.Architecture}.{line.Sequence}");

    public static LogPosition Read(string text) => text.Length == 0 ? LogPosition.Beginning
        : text.Split('.') is [var architecture, var number] && long.TryParse(number, CultureInfo.InvariantCulture, out var sequence)
            ? new LogPosition(architecture, sequence)
            : throw new ApiException(ConnectCode.InvalidArgument, "there is no such place in the log", "begin with its first lines");
}
