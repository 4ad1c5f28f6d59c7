using System.Text.Encodings.Web;
using System.Text.Json;

namespace Depot.Cli;

/// <summary>Rows for people (a table) or for programs (csv, json).</summary>
internal sealed class Listing(IReadOnlyList<string> titles, IReadOnlyList<string> keys)
{
    private readonly List<IReadOnlyList<object>> _rows = [];

    /// <summary>A terminal gets a table, a pipe csv.</summary>
    public static string ParseFormat(string text, CliContext cli) => text switch
    {
        "" => cli.Streams.OutputIsTerminal ? "table" : "csv",
        "csv" or "json" or "table" => text,
        _ => throw new CliException($"unknown format: {text}. Requires csv or json"),
    };

    /// <param name="cells">Texts, or whole numbers (<see cref="long"/>), which JSON keeps as such.</param>
    public void Add(params IReadOnlyList<object> cells) => _rows.Add(cells);

    public void Write(string format, TextWriter output)
    {
        switch (format)
        {
            case "json":
                WriteJson(output);
                break;
            case "csv":
                WriteCsv(output);
                break;
            default:
                WriteTable(output);
                break;
        }
    }

    /// <summary>RFC 4180, with a header only where there are rows, as the published client writes it.</summary>
    private void WriteCsv(TextWriter output)
    {
        if (_rows.Count == 0)
        {
            return;
        }

        foreach (var row in _rows.Select(Texts).Prepend(titles))
        {
            output.WriteLine(string.Join(',', row.Select(Quote)));
        }
    }

    private void WriteJson(TextWriter output)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartArray();
            foreach (var row in _rows)
            {
                json.WriteStartObject();
                for (var i = 0; i < row.Count; i++)
                {
                    WriteCell(json, keys[i], row[i]);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        output.WriteLine(System.Text.Encoding.UTF8.GetString(buffer.GetBuffer().AsSpan(0, (int)buffer.Length)));
    }

    private static void WriteCell(Utf8JsonWriter json, string key, object cell)
    {
        if (cell is long number)
        {
            json.WriteNumber(key, number);
        }
        else
        {
            json.WriteString(key, (string)cell);
        }
    }

    private void WriteTable(TextWriter output)
    {
        var rows = _rows.Select(Texts).Prepend(titles).ToList();
        var widths = titles.Select((_, column) => rows.Max(row => row[column].Length)).ToList();
        foreach (var row in rows)
        {
            output.WriteLine(string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        }
    }

    private static IReadOnlyList<string> Texts(IReadOnlyList<object> row) =>
        row.Select(cell => Convert.ToString(cell, System.Globalization.CultureInfo.InvariantCulture)!).ToList();

    private static string Quote(string cell) =>
        cell.AsSpan().IndexOfAny(",\"\r\n") < 0 && !cell.StartsWith(' ') ? cell : $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
