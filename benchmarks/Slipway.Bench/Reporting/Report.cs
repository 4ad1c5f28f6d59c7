using System.Text.Json;
using System.Text.Json.Serialization;

namespace Slipway.Bench.Reporting;

/// <summary>Everything that was measured: said as it comes, at the end as one table, and in out/bench as JSON.</summary>
internal sealed class Report(TextWriter writer, string folder)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private static readonly string[] Heads = ["case", "measure", "ours", "peer's", "peer", "ratio", "must", "aim", "verdict"];

    private readonly List<Row> _rows = [];
    private readonly List<string> _gaps = [];

    public void Say(string line) => writer.WriteLine($"bench: {line}");

    /// <summary>Something that could not be measured, and why. It stands below the table.</summary>
    public void Gap(string name, string reason)
    {
        _gaps.Add($"{name}: {reason}");
        Say(_gaps[^1]);
    }

    public void Add(params IReadOnlyList<Row> rows)
    {
        _rows.AddRange(rows);
        foreach (var row in rows)
        {
            Say(string.Join("  ", row.Cells.Where(cell => cell != "–")));
        }
    }

    /// <summary>Prints the table and writes the files: one per case, and one with all.</summary>
    /// <returns>How many musts were missed.</returns>
    public int Close()
    {
        Directory.CreateDirectory(folder);
        foreach (var rows in _rows.GroupBy(row => row.Case))
        {
            File.WriteAllText(Path.Combine(folder, $"{rows.Key}.json"), JsonSerializer.Serialize(rows, Json));
        }

        File.WriteAllText(Path.Combine(folder, "all.json"), JsonSerializer.Serialize(new { rows = _rows, gaps = _gaps }, Json));
        PrintTable();
        foreach (var gap in _gaps)
        {
            writer.WriteLine($"not measured: {gap}");
        }

        var judged = _rows.Where(row => row.Goal.Must is not null).ToList();
        var missed = judged.Count(row => row.Verdict == Verdict.Missed);
        writer.WriteLine($"{judged.Count - missed} of {judged.Count} musts met; JSON in {folder}");
        return missed;
    }

    private void PrintTable()
    {
        List<IReadOnlyList<string>> lines = [Heads, .. _rows.Select(row => row.Cells)];
        var widths = Enumerable.Range(0, Heads.Length).Select(column => lines.Max(line => line[column].Length)).ToList();
        writer.WriteLine();
        foreach (var line in lines)
        {
            writer.WriteLine(string.Join("  ", line.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        }

        writer.WriteLine();
    }
}
