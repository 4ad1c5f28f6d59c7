using System.Globalization;
using Slipway.Server.Builds;
using Slipway.Server.Records;

namespace Slipway.Server.Pages;

/// <summary>A build's steps, each with a bar that says when it ran and for how long.</summary>
internal static class StepTable
{
    private const int Wide = 1000;

    public static Html Of(Build build, IReadOnlyList<StepRow> steps, long now)
    {
        var (from, to) = (steps.Min(step => step.StartedAt) ?? build.CreatedAt, build.IsRunning ? now : steps.Max(step => step.CompletedAt) ?? now);
        var several = steps.Select(step => step.Architecture).Distinct().Count() > 1;
        return PageTable.Of(
            "Steps, in the order in which they began",
            several ? ["Step", "Architecture", "State", "Took", "When"] : ["Step", "State", "Took", "When"],
            steps.OrderBy(step => step.Architecture, StringComparer.Ordinal).ThenBy(step => step.StartedAt ?? long.MaxValue)
                .Select(step => Row(build, step, several, from, Math.Max(to, from + 1))),
            Html.Of($"None were recorded."));
    }

    public static string LinkTo(string buildId, StepRow step) =>
        $"/builds/{buildId}/log?step={Uri.EscapeDataString($"{step.Architecture}/{step.Digest}")}";

    public static string StateOf(StepRow step) =>
        step.Error.Length > 0 ? "failed" : step.Cached ? "cached" : step.CompletedAt is not null ? "done" : step.StartedAt is null ? "waiting" : "running";

    private static Html[] Row(Build build, StepRow step, bool withArchitecture, long from, long to) =>
    [
        Html.Of($"""<a href="{LinkTo(build.Id, step)}"><code>{step.Name}</code></a>"""),
        .. withArchitecture ? [PageTable.Text(step.Architecture)] : Array.Empty<Html>(),
        Html.Of($"""<span class="status {StateOf(step)}">{StateOf(step)}</span>"""),
        PageTable.Text(step.Cached || step.StartedAt is not { } started ? "" : PageText.Duration(started, step.CompletedAt)),
        Bar(step, from, to),
    ];

    // Attributes of SVG, not of style: the pages' policy lets no style but the sheet's in.
    private static Html Bar(StepRow step, long from, long to)
    {
        if (step.StartedAt is not { } started)
        {
            return Html.Nothing;
        }

        var x = Math.Clamp((started - from) * Wide / (to - from), 0, Wide - 4);
        var width = Math.Clamp(((step.CompletedAt ?? to) - started) * Wide / (to - from), 4, Wide - x);
        return Html.Of(
            $"""<svg class="bar {StateOf(step)}" viewBox="0 0 {Wide} 10" preserveAspectRatio="none" aria-hidden="true"><rect x="{x.ToString(CultureInfo.InvariantCulture)}" width="{width.ToString(CultureInfo.InvariantCulture)}" height="10" rx="4"/></svg>""");
    }
}
