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
    /// <param name="columns">What to underline of a single line: from 1, the last not included.</param>
    public static string Format(string file, ReadOnlySpan<byte> content, IReadOnlyList<LineRange> ranges, (int First, int Last)? columns = null)
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

        // Two lines on either side of a single one, one on either side of several.
        var around = first == last ? 2 : 1;
        for (var i = Math.Max(1, first - around); i <= Math.Min(lines.Length, last + around); i++)
        {
            var mark = ranges.Any(range => range.First <= i && i <= range.Last) ? ">>>" : "   ";
            text.Append(CultureInfo.InvariantCulture, $" {i,3} | {mark} {lines[i - 1]}\n");
            if (columns is { } under && i == first && first == last)
            {
                text.Append(CultureInfo.InvariantCulture, $"     |     {Underline(lines[i - 1], under.First, under.Last)}\n");
            }
        }

        return text.Append(Rule).ToString();
    }

    /// <summary>Carets below the columns; a tab stays one, so that they stand where the terminal puts the text.</summary>
    private static string Underline(string line, int first, int last) =>
        string.Concat(line.Take(first - 1).Select(c => c == '\t' ? '\t' : ' ')) + new string('^', Math.Max(1, last - first));
}
