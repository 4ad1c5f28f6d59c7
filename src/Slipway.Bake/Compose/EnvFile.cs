using System.Text;
using Slipway.Bake.Definition;

namespace Slipway.Bake.Compose;

/// <summary>Variables in a file: <c>NAME=value</c> lines, quoted or not.</summary>
internal static class EnvFile
{
    /// <param name="text">The file's content.</param>
    /// <param name="variable">For names that are used in values, or stand alone.</param>
    /// <exception cref="BakeException">A line is not written so.</exception>
    public static Dictionary<string, string> Read(string text, Func<string, string?> variable)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var interpolation = new Interpolation(name => values.GetValueOrDefault(name) ?? variable(name));
        var at = 0;
        var line = 1;
        while (at < text.Length)
        {
            SkipBlank(text, ref at, ref line);
            if (at < text.Length)
            {
                Line(text, ref at, ref line, values, interpolation, variable);
            }
        }

        return values;
    }

    private static void SkipBlank(string text, ref int at, ref int line)
    {
        for (; at < text.Length; at++)
        {
            if (text[at] == '#')
            {
                at = text.IndexOf('\n', at) is var end and >= 0 ? end : text.Length;
            }

            if (at >= text.Length || !char.IsWhiteSpace(text[at]))
            {
                return;
            }

            line += text[at] == '\n' ? 1 : 0;
        }
    }

    private static void Line(string text, ref int at, ref int line, Dictionary<string, string> values, Interpolation interpolation, Func<string, string?> variable)
    {
        if (string.CompareOrdinal(text, at, "export ", 0, 7) == 0)
        {
            at += 7;
        }

        var start = at;
        while (at < text.Length && text[at] is not ('=' or ':' or '\n'))
        {
            at++;
        }

        var name = text[start..at].Trim();
        if (name.Length == 0 || name.Any(c => !(char.IsLetterOrDigit(c) || c is '_' or '.' or '-' or '[' or ']')))
        {
            throw new BakeException($"line {line}: unexpected character in variable name \"{name}\"");
        }

        if (at >= text.Length || text[at] == '\n')
        {
            if (variable(name) is { } inherited)
            {
                values[name] = inherited;
            }

            return;
        }

        at++;
        while (at < text.Length && text[at] is ' ' or '\t')
        {
            at++;
        }

        values[name] = at < text.Length && text[at] is '"' or '\'' ? Quoted(text, ref at, ref line, interpolation) : Bare(text, ref at, interpolation);
    }

    /// <summary>To the end of the line, or to a comment.</summary>
    private static string Bare(string text, ref int at, Interpolation interpolation)
    {
        var end = text.IndexOf('\n', at);
        end = end < 0 ? text.Length : end;
        var value = text[at..end];
        at = end;
        for (var i = 1; i < value.Length; i++)
        {
            if (value[i] == '#' && value[i - 1] is ' ' or '\t')
            {
                value = value[..i];
            }
        }

        return interpolation.Apply(value.StartsWith('#') ? "" : value.Trim());
    }

    private static string Quoted(string text, ref int at, ref int line, Interpolation interpolation)
    {
        var quote = text[at++];
        var value = new StringBuilder();
        for (; at < text.Length; at++)
        {
            var c = text[at];
            line += c == '\n' ? 1 : 0;
            if (c == quote)
            {
                at = text.IndexOf('\n', at) is var end and >= 0 ? end : text.Length;
                return quote == '"' ? interpolation.Apply(value.ToString()) : value.ToString();
            }

            if (quote == '"' && c == '\\' && at + 1 < text.Length)
            {
                var escaped = text[++at];
                value.Append(escaped switch
                {
                    'n' => "\n",
                    'r' => "\r",
                    't' => "\t",
                    '$' => "$$",
                    '"' or '\\' => escaped.ToString(),
                    _ => $"\\{escaped}",
                });
            }
            else
            {
                value.Append(c);
            }
        }

        throw new BakeException($"line {line}: unterminated quoted value");
    }
}
