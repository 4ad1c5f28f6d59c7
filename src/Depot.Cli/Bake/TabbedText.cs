using System.Text;

namespace Depot.Cli.Bake;

/// <summary>Columns parted by tabs, as Go's text/tabwriter lays them out for buildx: scripts cut them at tabs.</summary>
internal static class TabbedText
{
    private const int TabWidth = 8;

    public static string Write(IReadOnlyList<string[]> rows)
    {
        var columns = rows[0].Length;
        var widths = Enumerable.Range(0, columns).Select(i => Rounded(rows.Max(row => row[i].EnumerateRunes().Count()) + 1)).ToArray();
        var text = new StringBuilder();
        foreach (var row in rows)
        {
            for (var i = 0; i < columns - 1; i++)
            {
                var tabs = (widths[i] - row[i].EnumerateRunes().Count() + TabWidth - 1) / TabWidth;
                text.Append(row[i]).Append('\t', tabs);
            }

            text.Append(row[^1]).Append('\n');
        }

        return text.ToString();
    }

    private static int Rounded(int width) => (width + TabWidth - 1) / TabWidth * TabWidth;
}
