using System.Buffers;
using System.Text;

namespace Slipway.BuildKit.FileSync;

/// <summary>The syntax of one file pattern: Go's path.Match for what is well formed, and its translation into the expression that is matched.</summary>
internal static class PatternSyntax
{
    /// <summary>Every byte that does not stand for itself in some pattern.</summary>
    public static readonly SearchValues<byte> Special = SearchValues.Create("*?[]\\^"u8);

    /// <summary>How a pattern is matched: most need no automaton.</summary>
    public enum Form
    {
        Exact,

        /// <summary>Ends in <c>**</c> and has no other wildcard: everything that begins so.</summary>
        Prefix,

        /// <summary>Begins with <c>**</c> and has no other wildcard: everything that ends so.</summary>
        Suffix,
        Expression,
    }

    /// <summary>The runes of <paramref name="text"/>; a byte that is no UTF-8 reads as U+FFFD, as Go reads it.</summary>
    public static List<int> Runes(ReadOnlySpan<byte> text)
    {
        var runes = new List<int>(text.Length);
        while (!text.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(text, out var rune, out var width) == OperationStatus.Done)
            {
                runes.Add(rune.Value);
                text = text[width..];
            }
            else
            {
                runes.Add(0xFFFD);
                text = text[1..];
            }
        }

        return runes;
    }

    /// <summary>Refuses what Go's path.Match refuses: an open class, an empty one, a backslash at the end.</summary>
    /// <exception cref="FormatException">The pattern is malformed.</exception>
    public static void Check(ReadOnlySpan<byte> pattern)
    {
        var runes = Runes(pattern);
        for (var at = 0; at < runes.Count; at++)
        {
            if (runes[at] == '\\')
            {
                at = at + 1 < runes.Count ? at + 1 : throw Malformed(pattern);
            }
            else if (runes[at] == '[')
            {
                at = CheckClass(runes, at + 1, pattern);
            }
        }
    }

    /// <summary>The expression of a whole pattern, and how it may be matched more cheaply.</summary>
    /// <remarks>
    /// <c>*</c> is any run without a slash, <c>?</c> one rune that is no slash, <c>**</c> any number of folders (none included; a slash after it is part of it),
    /// <c>**</c> at the end everything. A backslash takes the next rune into the expression as an escape; classes pass through.
    /// </remarks>
    public static Form Translate(ReadOnlySpan<byte> pattern, List<int> expression)
    {
        var runes = Runes(pattern);
        var form = Form.Exact;
        for (var at = 0; at < runes.Count; at++)
        {
            var rune = runes[at];
            switch (rune)
            {
                case '*' when at + 1 < runes.Count && runes[at + 1] == '*':
                    var first = at == 0;
                    at += at + 2 < runes.Count && runes[at + 2] == '/' ? 2 : 1;
                    form = AnyDepth(expression, form, atEnd: at + 1 == runes.Count);
                    form = first ? Form.Suffix : form;
                    break;
                case '*':
                    Write(expression, "[^/]*");
                    form = Form.Expression;
                    break;
                case '?':
                    Write(expression, "[^/]");
                    form = Form.Expression;
                    break;
                case '\\' when at + 1 < runes.Count:
                    expression.Add('\\');
                    expression.Add(runes[++at]);
                    form = Form.Expression;
                    break;
                case '[' or ']':
                    expression.Add(rune);
                    form = Form.Expression;
                    break;
                case '.' or '+' or '(' or ')' or '|' or '{' or '}' or '$':
                    expression.Add('\\');
                    expression.Add(rune);
                    break;
                default:
                    expression.Add(rune);
                    break;
            }
        }

        return form;
    }

    /// <summary>The expression of a pattern for one name, by the rules of Go's path.Match: no <c>**</c>, and escapes mean the rune itself.</summary>
    public static List<int> TranslateName(ReadOnlySpan<byte> pattern)
    {
        var expression = new List<int>();
        var inClass = false;
        var runes = Runes(pattern);
        for (var at = 0; at < runes.Count; at++)
        {
            var rune = runes[at];
            if (rune == '\\' && at + 1 < runes.Count)
            {
                Literal(expression, runes[++at]);
            }
            else if (inClass)
            {
                inClass = rune != ']';
                expression.Add(rune == '[' ? '\\' : rune);
                if (rune == '[')
                {
                    expression.Add(rune);
                }
            }
            else if (rune is '*' or '?')
            {
                Write(expression, rune == '*' ? "[^/]*" : "[^/]");
            }
            else if (rune == '[')
            {
                inClass = true;
                expression.Add(rune);
            }
            else
            {
                Literal(expression, rune);
            }
        }

        return expression;
    }

    private static Form AnyDepth(List<int> expression, Form form, bool atEnd)
    {
        if (!atEnd)
        {
            Write(expression, "(.*/)?");
            return Form.Expression;
        }

        if (form == Form.Exact)
        {
            return Form.Prefix;
        }

        Write(expression, ".*");
        return Form.Expression;
    }

    private static void Literal(List<int> expression, int rune)
    {
        if (rune < 0x80 && char.IsPunctuation((char)rune) || rune is '+' or '$' or '^' or '|')
        {
            expression.Add('\\');
        }

        expression.Add(rune);
    }

    private static void Write(List<int> expression, string text)
    {
        foreach (var character in text)
        {
            expression.Add(character);
        }
    }

    /// <summary>Reads a class from behind its bracket; returns the place of the closing one.</summary>
    private static int CheckClass(List<int> runes, int at, ReadOnlySpan<byte> pattern)
    {
        if (at < runes.Count && runes[at] == '^')
        {
            at++;
        }

        for (var ranges = 0; ; ranges++)
        {
            if (at < runes.Count && runes[at] == ']' && ranges > 0)
            {
                return at;
            }

            at = CheckClassRune(runes, at, pattern);
            if (runes[at] == '-')
            {
                at = CheckClassRune(runes, at + 1, pattern);
            }
        }
    }

    private static int CheckClassRune(List<int> runes, int at, ReadOnlySpan<byte> pattern)
    {
        if (at >= runes.Count || runes[at] is '-' or ']' || (runes[at] == '\\' && ++at >= runes.Count) || runes[at] == 0xFFFD)
        {
            throw Malformed(pattern);
        }

        return at + 1 < runes.Count ? at + 1 : throw Malformed(pattern);
    }

    private static FormatException Malformed(ReadOnlySpan<byte> pattern) => new($"syntax error in pattern \"{WirePath.Show(pattern)}\"");
}
