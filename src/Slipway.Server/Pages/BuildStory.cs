using Slipway.Server.Builds;
using Slipway.Server.Records;

namespace Slipway.Server.Pages;

/// <summary>What a build did, in a sentence.</summary>
internal sealed class BuildStory(Build build, IReadOnlyList<StepRow> steps, IReadOnlyList<Admission> stays, long now)
{
    private IEnumerable<StepRow> Real => steps.Where(step => step.StartedAt is not null || step.Cached);

    /// <summary>The step that a failed build failed at.</summary>
    public StepRow? Failed => steps.Where(step => step.Error.Length > 0).OrderBy(step => IsConsequence(step.Error)).ThenBy(step => step.CompletedAt).FirstOrDefault();

    /// <summary>From the call that opened it to the builder's yes; null while it waits.</summary>
    public long? Waited => stays.Count == 0 ? null : Math.Max(0, stays.Max(stay => stay.AdmittedAt) - build.CreatedAt);

    public string Sentence => BuildText.Status(build.Status) switch
    {
        "running" when Waited is null => $"It has waited for a builder for {PageText.Duration(now - build.CreatedAt)}.",
        "running" => $"It has run for {PageText.Duration(now - build.CreatedAt)}.{Doing}",
        "finished" => $"It finished in {Took}.{CachedShare}",
        "failed" => $"It failed after {Took}{(Failed is { } step ? $", at the step {step.Name}" : "")}.",
        "canceled" => $"It was canceled after {Took}.{CachedShare}",
        _ => "",
    };

    private string Took => PageText.Duration(build.CreatedAt, build.FinishedAt);

    private string Doing => steps.LastOrDefault(step => step is { StartedAt: not null, CompletedAt: null }) is { } step ? $" It is at the step {step.Name}." : "";

    private string CachedShare
    {
        get
        {
            var (all, cached) = (Real.Count(), Real.Count(step => step.Cached));
            return all == 0 ? "" : cached == 0 ? $" None of its {PageText.Many(all, "step")} came from the cache." : $" {cached} of {PageText.Many(all, "step")} came from the cache.";
        }
    }

    // BuildKit cancels what runs beside the step that failed; that is told as an error, too.
    private static bool IsConsequence(string error) => error.Contains("context canceled", StringComparison.Ordinal);
}
