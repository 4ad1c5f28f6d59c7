using Slipway.BuildKit.Wire.Control;

namespace Depot.Cli.Rendering;

/// <summary>The warnings of a build, after its progress.</summary>
internal static class WarningText
{
    public static void Write(OutputBuffer output, IReadOnlyList<VertexWarning> all, Terminal terminal)
    {
        var warnings = Distinct(all);
        if (warnings.Count == 0)
        {
            return;
        }

        var count = warnings.Count == 1 ? "1 warning found" : $"{warnings.Count} warnings found";
        var title = $"{count}{(terminal.Options.Debug ? "" : " (use docker --debug to expand)")}:\n";
        output.Write("\n ").Write(terminal.UseColor ? $"\e[33m{title}\e[0m" : title);
        foreach (var warning in warnings)
        {
            output.Write(" - ").Write(warning.Short.Span).WriteLine();
            if (terminal.Options.Debug)
            {
                WriteDetails(output, warning);
            }
        }
    }

    /// <summary>Warnings that differ in more than the step which gave them.</summary>
    public static IReadOnlyList<VertexWarning> Distinct(IReadOnlyList<VertexWarning> all)
    {
        var seen = new HashSet<VertexWarning>();
        return [.. all.Where(warning => seen.Add(WithoutOrigin(warning)))];
    }

    private static VertexWarning WithoutOrigin(VertexWarning warning)
    {
        var bare = warning.Clone();
        bare.Vertex = "";
        if (bare.Info is not null)
        {
            bare.Info.Definition = null;
        }

        return bare;
    }

    private static void WriteDetails(OutputBuffer output, VertexWarning warning)
    {
        foreach (var detail in warning.Detail)
        {
            output.Write(detail.Span).WriteLine();
        }

        if (warning.Url.Length > 0)
        {
            output.WriteLine($"More info: {warning.Url}");
        }

        if (warning.Info is { } info && warning.Ranges.Count > 0)
        {
            output.Write(SourceExcerpt.Format(info.Filename, info.Data.Span, [.. warning.Ranges.Select(LineRange.From)]));
        }

        output.WriteLine();
    }
}
