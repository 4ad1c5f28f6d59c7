using System.Globalization;
using System.Text;

namespace Slipway.Bake.Hcl;

/// <summary>Reads the language's own notation, straight from its characters: what a line end or a quote means depends on where it stands.</summary>
/// <remarks>The grammar is that of the published HCL native syntax specification. Here: characters, names and blanks.</remarks>
internal sealed partial class HclParser
{
    /// <summary>Deeper nesting is refused; no file that a person wrote comes near, and the stack is finite.</summary>
    private const int DepthMax = 200;

    private readonly SourceText _source;
    private readonly string _text;
    private int _at;
    private int _depth;

    /// <summary>Above zero inside brackets, where a line end is a blank like any other.</summary>
    private int _open;

    private HclParser(SourceText source)
    {
        _source = source;
        _text = source.Text;
        _at = _text.StartsWith('\ufeff') ? 1 : 0;
    }

    /// <summary>A whole file.</summary>
    /// <exception cref="HclException">The text breaks the grammar.</exception>
    public static NativeBody ParseFile(SourceText source)
    {
        var parser = new HclParser(source);
        NativeBody? body = null;
        parser._faults.Try(() => body = parser.Body(nested: false));
        parser._faults.ThrowIfAny();
        return body!;
    }

    /// <summary>An expression and nothing after it.</summary>
    /// <exception cref="HclException">The text breaks the grammar.</exception>
    public static Expression ParseExpression(SourceText source)
    {
        var parser = new HclParser(source) { _open = 1 };
        var expression = parser.Expression();
        parser.SkipBlank();
        return parser.AtEnd ? expression : throw parser.Error("Extra characters after expression", "An expression was successfully parsed, but extra characters were found after it.");
    }

    /// <summary>Text with values in it, as strings of the JSON notation are.</summary>
    /// <exception cref="HclException">The text breaks the grammar.</exception>
    public static Expression ParseTemplate(SourceText source)
    {
        var parser = new HclParser(source) { _at = 0 };
        return parser.Template(parser.PlainParts(), 0);
    }

    private bool AtEnd => _at >= _text.Length;

    private char Current => _at < _text.Length ? _text[_at] : '\0';

    private char Next => _at + 1 < _text.Length ? _text[_at + 1] : '\0';

    private SourceRange Here => _source.Range(_at, Math.Min(_at + 1, _text.Length));

    private bool Looking(string at) => string.CompareOrdinal(_text, _at, at, 0, at.Length) == 0;

    private HclException Error(string summary, string detail) => new(summary, detail, Here);

    private static HclException Error(string summary, string detail, SourceRange at) => new(summary, detail, at);

    private SourceRange Since(int start) => _source.Range(start, _at);

    /// <summary>Takes a mark if it comes next.</summary>
    private bool Take(string mark)
    {
        SkipBlank();
        if (!Looking(mark))
        {
            return false;
        }

        _at += mark.Length;
        return true;
    }

    private void SkipBlank()
    {
        while (!AtEnd)
        {
            if (Current is ' ' or '\t' or '\r' || (Current == '\n' && _open > 0))
            {
                _at++;
            }
            else if (!SkipComment())
            {
                return;
            }
        }
    }

    private void SkipBlankLines()
    {
        do
        {
            SkipBlank();
        }
        while (Current == '\n' && _at++ >= 0);
    }

    private bool SkipComment()
    {
        if (Current == '#' || Looking("//"))
        {
            var end = _text.IndexOf('\n', _at);
            _at = end < 0 ? _text.Length : end;
            return true;
        }

        if (!Looking("/*"))
        {
            return false;
        }

        var close = _text.IndexOf("*/", _at + 2, StringComparison.Ordinal);
        _at = close >= 0 ? close + 2 : throw Error("Unterminated comment", "This comment has no */ at its end.");
        return true;
    }

    /// <summary>A name, or null where none begins.</summary>
    private string? Identifier()
    {
        var start = _at;
        while (Rune.TryGetRuneAt(_text, Math.Min(_at, _text.Length - 1), out var rune) && !AtEnd && IsNamePart(rune, first: _at == start))
        {
            _at += rune.Utf16SequenceLength;
        }

        return _at > start ? _text[start.._at] : null;
    }

    private static bool IsNamePart(Rune rune, bool first) => rune.Value is >= 'a' and <= 'z' or >= 'A' and <= 'Z' or '_'
        || (!first && rune.Value is (>= '0' and <= '9') or '-')
        || (!rune.IsAscii && (Rune.IsLetter(rune) || (!first && IsMark(rune))));

    private static bool IsMark(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.ConnectorPunctuation;

    private T Nested<T>(Func<T> read)
    {
        if (++_depth > DepthMax)
        {
            throw Error("Expression nested too deeply", $"An expression may be nested {DepthMax} deep.");
        }

        var result = read();
        _depth--;
        return result;
    }

    private T InBrackets<T>(Func<T> read)
    {
        _open++;
        var result = Nested(read);
        _open--;
        return result;
    }
}
