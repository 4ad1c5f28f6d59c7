using System.Text;

namespace Slipway.Bake.Functions;

/// <summary>A table in RFC 4180's notation; blank lines do not count.</summary>
internal static class CsvRows
{
    public static IReadOnlyList<IReadOnlyList<string>> Read(string text)
    {
        var rows = new List<IReadOnlyList<string>>();
        var at = 0;
        while (at < text.Length)
        {
            var row = Row(text, ref at);
            if (row.Count > 1 || row[0].Length > 0)
            {
                rows.Add(row);
            }
        }

        return rows;
    }

    private static List<string> Row(string text, ref int at)
    {
        var fields = new List<string>();
        while (true)
        {
            fields.Add(at < text.Length && text[at] == '"' ? Quoted(text, ref at) : Bare(text, ref at));
            if (at < text.Length && text[at] == ',')
            {
                at++;
                continue;
            }

            at += at < text.Length && text[at] == '\r' ? 1 : 0;
            at += at < text.Length && text[at] == '\n' ? 1 : 0;
            return fields;
        }
    }

    private static string Bare(string text, ref int at)
    {
        var start = at;
        while (at < text.Length && text[at] is not (',' or '\n' or '\r'))
        {
            at += text[at] == '"' ? throw Error(text, at, "bare \" in non-quoted field") : 1;
        }

        return text[start..at];
    }

    private static string Quoted(string text, ref int at)
    {
        var field = new StringBuilder();
        for (at++; at < text.Length; at++)
        {
            if (text[at] != '"')
            {
                field.Append(text[at]);
            }
            else if (at + 1 < text.Length && text[at + 1] == '"')
            {
                field.Append('"');
                at++;
            }
            else
            {
                at++;
                return at == text.Length || text[at] is ',' or '\n' or '\r' ? field.ToString() : throw Error(text, at, "extraneous or missing \" in quoted-field");
            }
        }

        throw Error(text, at, "extraneous or missing \" in quoted-field");
    }

    private static FunctionException Error(string text, int at, string what) => new($"CSV parse error on line {text.AsSpan(0, at).Count('\n') + 1}: {what}");
}
