using System.Globalization;

namespace Slipway.Bake.Hcl;

/// <summary>A file's text, and where its lines begin.</summary>
internal sealed class SourceText
{
    private readonly SourceRange? _within;
    private List<int>? _lines;

    public SourceText(string name, string text)
    {
        Name = name;
        Text = text;
    }

    /// <summary>A text that stands inside another one in some other notation: all of it is found at one place there.</summary>
    public SourceText(string text, SourceRange within)
        : this(within.Source.Name, text) => _within = within;

    public string Name { get; }

    public string Text { get; }

    /// <summary>The file itself, for excerpts.</summary>
    public SourceText File => _within?.Source.File ?? this;

    public SourceRange Range(int start, int end) => _within ?? new SourceRange(this, start, Math.Max(start, end));

    /// <summary>Line and column from 1; a column is what a reader sees as one character.</summary>
    public (int Line, int Column) Position(int offset)
    {
        _lines ??= LineStarts();
        var line = _lines.BinarySearch(offset);
        line = line < 0 ? ~line - 1 : line;
        var start = _lines[line];
        return (line + 1, 1 + new StringInfo(Text[start..Math.Min(offset, Text.Length)]).LengthInTextElements);
    }

    private List<int> LineStarts()
    {
        List<int> starts = [0];
        for (var i = 0; i < Text.Length; i++)
        {
            if (Text[i] == '\n')
            {
                starts.Add(i + 1);
            }
        }

        return starts;
    }
}
