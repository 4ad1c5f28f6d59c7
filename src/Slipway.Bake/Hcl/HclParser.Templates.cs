using System.Globalization;
using System.Text;

namespace Slipway.Bake.Hcl;

/// <summary>Text with values in it: quoted, in a heredoc, or a string of the JSON notation.</summary>
internal sealed partial class HclParser
{
    private const string StraySequence = "Escape a sequence that is meant for somebody else by doubling its first character: $${ or %%{.";

    private Expression QuotedTemplate()
    {
        var start = _at++;
        var parts = new List<TemplatePart>();
        var text = new StringBuilder();
        var textStart = _at;
        while (Current != '"')
        {
            if (AtEnd)
            {
                throw Error("Unterminated template string", "No closing marker was found for the string.", Since(start));
            }

            if (Current == '\n')
            {
                throw Error("Invalid multi-line string", "A quoted string ends on the line where it begins: write \\n, or use a heredoc (<<EOT).", Since(start));
            }

            if (!Sequence(parts, text, ref textStart))
            {
                QuotedCharacter(text);
            }
        }

        Flush(parts, text, textStart);
        var template = Template(parts, start + 1);
        _at++;
        return template;
    }

    private List<TemplatePart> PlainParts()
    {
        var parts = new List<TemplatePart>();
        var text = new StringBuilder();
        var textStart = _at;
        while (!AtEnd)
        {
            if (!Sequence(parts, text, ref textStart))
            {
                text.Append(Current);
                _at++;
            }
        }

        Flush(parts, text, textStart);
        return parts;
    }

    private Expression Heredoc()
    {
        var start = _at;
        _at += 2;
        var flushes = Current == '-';
        _at += flushes ? 1 : 0;
        var marker = Identifier() ?? throw Error("Invalid heredoc", "A heredoc begins with << and a word that ends it.");
        _at += Current == '\r' ? 1 : 0;
        if (Current != '\n')
        {
            throw Error("Invalid heredoc", "A heredoc's text begins on the next line.");
        }

        _at++;
        var parts = HeredocParts(marker, start);
        Trim(parts);
        if (flushes)
        {
            Unindent(parts);
        }

        return Template(parts, start, wraps: false);
    }

    /// <summary>One text per line, so that each line's indentation can be taken off.</summary>
    private List<TemplatePart> HeredocParts(string marker, int start)
    {
        var parts = new List<TemplatePart>();
        var text = new StringBuilder();
        var textStart = _at;
        var lineStart = true;
        while (true)
        {
            if (lineStart && EndsHeredoc(marker))
            {
                Flush(parts, text, textStart);
                return parts;
            }

            if (AtEnd)
            {
                throw Error("Unterminated template string", $"There is no line with only {marker} on it before the end of the file.", Since(start));
            }

            lineStart = Current == '\n';
            if (lineStart || !Sequence(parts, text, ref textStart))
            {
                text.Append(Current);
                _at++;
            }

            if (lineStart)
            {
                Flush(parts, text, textStart);
                textStart = _at;
            }
        }
    }

    private bool EndsHeredoc(string marker)
    {
        var end = _text.IndexOf('\n', Math.Min(_at, _text.Length));
        var line = _text.AsSpan(_at, (end < 0 ? _text.Length : end) - _at);
        if (!line.Trim().SequenceEqual(marker))
        {
            return false;
        }

        // The line end itself belongs to what follows the heredoc.
        _at += line.TrimEnd().Length;
        return true;
    }

    /// <summary>Takes an interpolation, a directive or an escaped one; false where none begins.</summary>
    private bool Sequence(List<TemplatePart> parts, StringBuilder text, ref int textStart)
    {
        if (Looking("$${") || Looking("%%{"))
        {
            text.Append(_text, _at + 1, 2);
            _at += 3;
            return true;
        }

        if (!Looking("${") && !Looking("%{"))
        {
            return false;
        }

        Flush(parts, text, textStart);
        parts.Add(Current == '$' ? Nested(Interpolation) : Nested(Directive));
        textStart = _at;
        return true;
    }

    private void Flush(List<TemplatePart> parts, StringBuilder text, int start)
    {
        if (text.Length > 0)
        {
            parts.Add(new TemplatePart(TemplatePartKind.Text, Since(start)) { Text = text.ToString() });
            text.Clear();
        }
    }

    private TemplatePart Interpolation()
    {
        var start = _at;
        _at += 2;
        var trimsBefore = TakeTilde();
        _open++;
        var value = Expression();
        SkipBlank();
        _open--;
        var trimsAfter = TakeTilde();
        Close("Extra characters after interpolation expression");
        return new TemplatePart(TemplatePartKind.Value, Since(start)) { Value = value, TrimsBefore = trimsBefore, TrimsAfter = trimsAfter };
    }

    private TemplatePart Directive()
    {
        var start = _at;
        _at += 2;
        var trimsBefore = TakeTilde();
        _open++;
        SkipBlank();
        var word = Identifier();
        var part = word switch
        {
            "if" => new TemplatePart(TemplatePartKind.If, Since(start)) { Value = Expression() },
            "else" => new TemplatePart(TemplatePartKind.Else, Since(start)),
            "endif" => new TemplatePart(TemplatePartKind.EndIf, Since(start)),
            "for" => Loop(start),
            "endfor" => new TemplatePart(TemplatePartKind.EndFor, Since(start)),
            null => throw Error("Invalid template directive", $"A template directive keyword (\"if\", \"for\", etc) is expected at the beginning of a %{{ sequence. {StraySequence}"),
            _ => throw Error("Invalid template control keyword", $"\"{word}\" is not a valid template control keyword. {StraySequence}"),
        };
        SkipBlank();
        _open--;
        var trimsAfter = TakeTilde();
        Close($"Extra characters in {word} marker");
        return part with { TrimsBefore = trimsBefore, TrimsAfter = trimsAfter, Range = Since(start) };
    }

    private TemplatePart Loop(int start)
    {
        var (key, value) = LoopNames("Invalid 'for' directive");
        return new TemplatePart(TemplatePartKind.For, Since(start)) { KeyName = key, ValueName = value, Value = Expression() };
    }

    private bool TakeTilde()
    {
        if (Current != '~')
        {
            return false;
        }

        _at++;
        return true;
    }

    private void Close(string summary)
    {
        if (Current != '}')
        {
            throw Error(summary, $"Expected a closing brace. {StraySequence}");
        }

        _at++;
    }

    private void QuotedCharacter(StringBuilder text)
    {
        if (Current != '\\')
        {
            text.Append(Current);
            _at++;
            return;
        }

        var start = _at;
        var letter = Next;
        _at += 2;
        switch (letter)
        {
            case 'n':
                text.Append('\n');
                break;
            case 'r':
                text.Append('\r');
                break;
            case 't':
                text.Append('\t');
                break;
            case '"' or '\\':
                text.Append(letter);
                break;
            case 'u' or 'U':
                text.Append(CodePoint(letter == 'u' ? 4 : 8, start));
                break;
            default:
                throw Error("Invalid escape sequence", $"The symbol \"{letter}\" is not a valid escape sequence selector.", Since(start));
        }
    }

    private string CodePoint(int digits, int start)
    {
        if (_at + digits <= _text.Length && int.TryParse(_text.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            && Rune.TryCreate(value, out var rune))
        {
            _at += digits;
            return rune.ToString();
        }

        throw Error("Invalid escape sequence", $"The escape needs {digits} hexadecimal digits of a character.", Since(start));
    }

    /// <summary>Takes the indentation that all lines share off each of them; a blank line has none.</summary>
    private static void Unindent(List<TemplatePart> parts)
    {
        var starts = new List<int>();
        var least = int.MaxValue;
        for (var i = 0; i < parts.Count; i++)
        {
            if (i > 0 && !parts[i - 1].Text.EndsWith('\n'))
            {
                continue;
            }

            var text = parts[i].Text;
            var indent = text.Length - text.TrimStart().Length;
            if (parts[i].Kind == TemplatePartKind.Text && indent == text.Length && text.EndsWith('\n'))
            {
                continue;
            }

            least = Math.Min(least, indent);
            starts.Add(i);
        }

        foreach (var i in starts.Where(i => parts[i].Kind == TemplatePartKind.Text))
        {
            parts[i] = parts[i] with { Text = parts[i].Text[Math.Min(least, parts[i].Text.Length)..] };
        }
    }

    /// <param name="wraps">A template of one value and no text is that value, of whatever type it is.</param>
    private Expression Template(List<TemplatePart> parts, int start, bool wraps = true)
    {
        Trim(parts);
        var at = 0;
        if (wraps && parts is [{ Kind: TemplatePartKind.Value } only])
        {
            return new ParenthesesExpression(only.Value!, Since(start));
        }

        var content = Content(parts, ref at);
        return at == parts.Count
            ? new TemplateExpression(content, Since(start))
            : throw Error($"Unexpected {parts[at].Word} directive", "There is no directive that this one could end.", parts[at].Range);
    }

    /// <summary>Takes the blanks beside a <c>~</c> off. In a heredoc every line is a text of its own, so this ends with the line.</summary>
    private static void Trim(List<TemplatePart> parts)
    {
        for (var i = 0; i < parts.Count; i++)
        {
            if (parts[i].TrimsBefore && i > 0)
            {
                parts[i - 1] = parts[i - 1] with { Text = parts[i - 1].Text.TrimEnd() };
            }

            if (parts[i].TrimsAfter && i + 1 < parts.Count)
            {
                parts[i + 1] = parts[i + 1] with { Text = parts[i + 1].Text.TrimStart() };
            }
        }
    }

    private List<Expression> Content(List<TemplatePart> parts, ref int at)
    {
        var content = new List<Expression>();
        for (; at < parts.Count; at++)
        {
            var part = parts[at];
            switch (part.Kind)
            {
                case TemplatePartKind.Text:
                    content.Add(new TextExpression(part.Text, part.Range));
                    break;
                case TemplatePartKind.Value:
                    content.Add(part.Value!);
                    break;
                case TemplatePartKind.If:
                    content.Add(If(parts, ref at));
                    break;
                case TemplatePartKind.For:
                    content.Add(For(parts, ref at));
                    break;
                default:
                    return content;
            }
        }

        return content;
    }

    private ConditionalExpression If(List<TemplatePart> parts, ref int at)
    {
        var opening = parts[at++];
        var yes = new TemplateExpression(Content(parts, ref at), opening.Range);
        var no = new TemplateExpression([], opening.Range);
        if (at < parts.Count && parts[at].Kind == TemplatePartKind.Else)
        {
            at++;
            no = new TemplateExpression(Content(parts, ref at), opening.Range);
        }

        return at < parts.Count && parts[at].Kind == TemplatePartKind.EndIf
            ? new ConditionalExpression(opening.Value!, yes, no, opening.Range)
            : throw Error("Unexpected end of template", "The if directive has no endif.", opening.Range);
    }

    private TemplateLoopExpression For(List<TemplatePart> parts, ref int at)
    {
        var opening = parts[at++];
        var body = new TemplateExpression(Content(parts, ref at), opening.Range);
        return at < parts.Count && parts[at].Kind == TemplatePartKind.EndFor
            ? new TemplateLoopExpression(opening.KeyName, opening.ValueName!, opening.Value!, body, opening.Range)
            : throw Error("Unexpected end of template", "The for directive has no endfor.", opening.Range);
    }
}
