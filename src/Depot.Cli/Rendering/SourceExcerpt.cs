using System.Globalization;
using System.Text;

namespace Depot.Cli.Rendering;

/// <summary>Lines of a source file, from 1, both included.</summary>
internal readonly record struct LineRange(int First, int Last)
{
    public static LineRange From(Slipway.BuildKit.Wire.Solver.Range range)
    {
        var first = range.Start?.Line ?? 0;
        return new LineRange(first, Math.Max(first, range.End?.Line ?? 0));
    }
}

/// <summary>The lines of a Dockerfile that an error or a warning is about, marked, with some before and after.</summary>
internal static class SourceExcerpt
{
    private const string Rule = "--------------------\n";

    /// <summary>The excerpt with a line end, or nothing when the ranges do not lie in the file.</summary>
    public static string Format(string file, ReadOnlySpan<byte> content, IReadOnlyList<LineRange> ranges)
    {
        if (ranges.Count == 0)
        {
            return "";
        }

        var lines = Encoding.UTF8.GetString(content).Split('\n');
        var first = ranges.Min(range => range.First);
        var last = Math.Min(ranges.Max(range => range.Last), lines.Length);
        if (first < 1 || first > lines.Length)
        {
            return "";
        }

        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{file}:{first}\n").Append(Rule);
        var (from, to) = Widen(first, last, lines.Length);
        for (var i = from; i <= to; i++)
        {
            var mark = ranges.Any(range => range.First <= i && i <= range.Last) ? ">>>" : "   ";
            text.Append(CultureInfo.InvariantCulture, $" {i,3} | {mark} {lines[i - 1]}\n");
        }

        return text.Append(Rule).ToString();
    }

    /// <summary>Adds lines around the marked ones: two on either side of a single line, one on either side of several.</summary>
    /// <remarks>At the edge of the file a round finds one line only and counts for less, so the other side gets more
    /// (BuildKit, solver/errdefs).</remarks>
    private static (int From, int To) Widen(int from, int to, int count)
    {
        var wanted = from == to ? 4 : 2;
        for (var padded = 0; padded < wanted; padded++)
        {
            if (from > 1)
            {
                from--;
                padded++;
            }

            if (to < count)
            {
                to++;
                padded++;
            }
        }

        return (from, to);
    }
}
