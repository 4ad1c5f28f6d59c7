using System.Globalization;
using System.Text;

namespace Slipway.BuildKit;

/// <summary>One line of comma-separated fields, as <c>--secret</c>, <c>--output</c> and their kind take them.</summary>
/// <remarks>
/// The rules are those of Go's encoding/csv, which Docker's own flags follow: a field that starts with a quote runs to the next
/// lone quote and writes a quote as two; a quote inside a field that did not start with one is an error; spaces count; one
/// trailing line end is ignored. Columns in messages count bytes from 1, as Go's do.
/// </remarks>
public static class CsvFields
{
    /// <summary>The fields of <paramref name="line"/>.</summary>
    /// <exception cref="InputException">The line breaks the quoting rules, or is empty.</exception>
    public static IReadOnlyList<string> Parse(string line, char separator = ',')
    {
        var rest = WithoutLineEnd(line);
        if (rest.Length == 0)
        {
            throw new InputException("an empty value has no fields");
        }

        List<string> fields = [];
        var at = 0;
        while (true)
        {
            var quoted = at < rest.Length && rest[at] == '"';
            fields.Add(quoted ? Quoted(rest, ref at, separator) : Bare(rest, ref at, separator));
            if (at >= rest.Length)
            {
                return fields;
            }

            // On a separator: the next field follows, even if nothing is left to fill it.
            at++;
            if (at == rest.Length)
            {
                fields.Add("");
                return fields;
            }
        }
    }

    /// <summary>The fields of <paramref name="line"/>, each of which must be <c>key=value</c>; the key is as written.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> ParsePairs(string line)
    {
        var fields = Parse(line);
        var pairs = new List<KeyValuePair<string, string>>(fields.Count);
        foreach (var field in fields)
        {
            var equals = field.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
            {
                throw new InputException($"invalid field '{field}' must be a key=value pair");
            }

            pairs.Add(new(field[..equals], field[(equals + 1)..]));
        }

        return pairs;
    }

    /// <summary>The line that <see cref="Parse"/> reads back as <paramref name="fields"/>.</summary>
    public static string Format(IEnumerable<string> fields) => string.Join(',', fields.Select(Quote));

    private static string Bare(string text, ref int at, char separator)
    {
        var end = text.IndexOf(separator, at);
        if (end < 0)
        {
            end = text.Length;
        }

        var field = text[at..end];
        var quote = field.IndexOf('"', StringComparison.Ordinal);
        if (quote >= 0)
        {
            throw Error(text, at + quote, "bare \" in non-quoted field");
        }

        at = end;
        return field;
    }

    private static string Quoted(string text, ref int at, char separator)
    {
        var field = new StringBuilder();
        at++;
        while (true)
        {
            var quote = text.IndexOf('"', at);
            if (quote < 0)
            {
                throw Error(text, at, "extraneous or missing \" in quoted-field");
            }

            field.Append(text, at, quote - at);
            at = quote + 1;
            if (at == text.Length || text[at] == separator)
            {
                return field.ToString();
            }

            if (text[at] != '"')
            {
                throw Error(text, quote, "extraneous or missing \" in quoted-field");
            }

            field.Append('"');
            at++;
        }
    }

    private static string Quote(string field) =>
        field.Length == 0 || field.AsSpan().IndexOfAny(",\"\r\n") >= 0
            ? $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\""
            : field;

    private static string WithoutLineEnd(string line) =>
        line.EndsWith("\r\n", StringComparison.Ordinal) ? line[..^2] : line.EndsWith('\n') ? line[..^1] : line;

    private static InputException Error(string text, int at, string problem)
    {
        var column = Encoding.UTF8.GetByteCount(text.AsSpan(0, at)) + 1;
        return new InputException(string.Create(CultureInfo.InvariantCulture, $"parse error on line 1, column {column}: {problem}"));
    }
}
