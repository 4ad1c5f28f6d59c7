using System.Globalization;
using System.Text;
using Google.Protobuf.WellKnownTypes;

namespace Slipway.Admin;

/// <summary>Rows in columns, for people.</summary>
internal static class Table
{
    public static string Render(IReadOnlyList<string> heads, IEnumerable<string[]> rows)
    {
        List<IReadOnlyList<string>> lines = [heads, .. rows];
        var widths = heads.Select((_, column) => lines.Max(line => line[column].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var line in lines)
        {
            text.AppendJoin("  ", line.Select((cell, column) => column == line.Count - 1 ? cell : cell.PadRight(widths[column])));
            text.Append('\n');
        }

        return text.ToString();
    }

    public static string Text(this Timestamp? time) =>
        time is null ? "-" : time.ToDateTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}
