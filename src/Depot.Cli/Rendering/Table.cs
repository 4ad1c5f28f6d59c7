using System.Text;

namespace Depot.Cli.Rendering;

/// <summary>A listing: rows that are printed as text columns, CSV or JSON.</summary>
/// <typeparam name="T">What a row is about.</typeparam>
internal sealed class Table<T>(IReadOnlyList<TableColumn<T>> columns, IReadOnlyList<T> rows)
{
    private const int Gap = 2;

    /// <summary>Text columns under their titles, for reading.</summary>
    public string ToText()
    {
        string[][] cells = [[.. columns.Select(column => column.Title)], .. rows.Select(row => columns.Select(column => Printable(column.Text(row))).ToArray())];
        var widths = Enumerable.Range(0, columns.Count).Select(i => cells.Max(line => line[i].Length) + Gap).ToArray();
        var text = new StringBuilder();
        foreach (var line in cells)
        {
            text.Append(string.Concat(line.Select((cell, i) => cell.PadRight(widths[i]))).TrimEnd()).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>RFC 4180 with LF; quoted only where needed; nothing at all, not even the titles, for no rows.</summary>
    public string ToCsv()
    {
        if (rows.Count == 0)
        {
            return "";
        }

        var text = new StringBuilder();
        var shown = columns.Where(column => column.IsInCsv).ToList();
        AppendCsv(text, shown.Select(column => column.Title));
        foreach (var row in rows)
        {
            AppendCsv(text, shown.Select(column => column.Text(row)));
        }

        return text.ToString();
    }

    /// <summary>An indented array of objects.</summary>
    public string ToJson()
    {
        var output = new OutputBuffer();
        var json = new GoJsonWriter(output, indented: true);
        json.BeginArray();
        foreach (var row in rows)
        {
            json.BeginObject();
            foreach (var column in columns.Where(column => column.Has(row)))
            {
                json.Name(column.JsonName);
                column.WriteJson(json, row);
            }

            json.EndObject();
        }

        json.EndArray();
        json.EndLine();
        return output.TakeText();
    }

    private static void AppendCsv(StringBuilder text, IEnumerable<string> fields) => text.AppendJoin(',', fields.Select(Quote)).Append('\n');

    // Go's encoding/csv also quotes a field that starts with a space, and the lone \. that ends data in PostgreSQL.
    private static string Quote(string field) =>
        field == "\\." || field.AsSpan().IndexOfAny(",\"\r\n") >= 0 || (field.Length > 0 && char.IsWhiteSpace(field[0]))
            ? $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\""
            : field;

    private static string Printable(string text) => string.Concat(text.Select(character => char.IsControl(character) ? ' ' : character));
}

/// <summary>One column of a <see cref="Table{T}"/>.</summary>
internal sealed record TableColumn<T>(string Title, string JsonName, Func<T, string> Text)
{
    /// <summary>The value in JSON; a string unless told otherwise.</summary>
    public Action<GoJsonWriter, T> WriteJson { get; init; } = (json, row) => json.String(Text(row));

    /// <summary>Whether a row has a value: JSON leaves one out that has none.</summary>
    public Func<T, bool> Has { get; init; } = _ => true;

    /// <summary>False for what the published client's listing does not have: programs know a field of csv by its place.</summary>
    public bool IsInCsv { get; init; } = true;

    /// <summary>A column of whole numbers.</summary>
    public static TableColumn<T> OfNumber(string title, string jsonName, Func<T, long> value) =>
        new(title, jsonName, row => value(row).ToString(System.Globalization.CultureInfo.InvariantCulture))
        {
            WriteJson = (json, row) => json.Number(value(row)),
        };
}
