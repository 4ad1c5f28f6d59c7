using System.Text;
using Depot.Cli.Rendering;

namespace Depot.Cli.Build;

/// <summary>Lint warnings in buildx's form: rule and page, what it means, the lines.</summary>
internal static class LintText
{
    public static string Format(LintResult result, string? dockerfile)
    {
        var text = new StringBuilder();
        foreach (var warning in (result.Warnings ?? []).OrderBy(warning => FileOf(warning.Location, result), StringComparer.Ordinal).ThenBy(warning => FirstLine(warning.Location)))
        {
            text.Append("\nWARNING: ").Append(warning.RuleName);
            text.Append(string.IsNullOrEmpty(warning.Url) ? "" : $" - {warning.Url}").Append('\n').Append(warning.Detail).Append('\n');
            text.Append(Excerpt(warning.Location, result, dockerfile));
        }

        return text.ToString();
    }

    public static string Format(LintError error, LintResult result, string? dockerfile) => $"{error.Message}\n{Excerpt(error.Location, result, dockerfile)}";

    private static LintSource? SourceOf(LintLocation? location, LintResult result) =>
        location is { SourceIndex: >= 0 and var index } && result.Sources is { } sources && index < sources.Count ? sources[index] : null;

    private static string FileOf(LintLocation? location, LintResult result) => SourceOf(location, result)?.Filename ?? "";

    private static int FirstLine(LintLocation? location) => location?.Ranges is [{ Start.Line: var line }, ..] ? line : 0;

    private static string Excerpt(LintLocation? location, LintResult result, string? dockerfile) => SourceOf(location, result) is not { } source
        ? ""
        : SourceExcerpt.Format(dockerfile ?? source.Filename ?? "", source.Data, [.. (location!.Ranges ?? []).Select(Lines)]);

    private static LineRange Lines(LintRange range)
    {
        var first = range.Start?.Line ?? 0;
        return new LineRange(first, Math.Max(first, range.End?.Line ?? first));
    }
}
