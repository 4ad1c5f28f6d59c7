using System.Globalization;

namespace Slipway.Bake.Hcl;

/// <summary>A stretch of a file.</summary>
internal readonly record struct SourceRange(SourceText Source, int Start, int End)
{
    public (int Line, int Column) First => Source.Position(Start);

    public (int Line, int Column) Last => Source.Position(End);

    public SourceRange To(SourceRange end) => Source == end.Source ? new SourceRange(Source, Start, Math.Max(End, end.End)) : this;

    public override string ToString()
    {
        var (first, last) = (First, Last);
        return first.Line == last.Line
            ? string.Create(CultureInfo.InvariantCulture, $"{Source.Name}:{first.Line},{first.Column}-{last.Column}")
            : string.Create(CultureInfo.InvariantCulture, $"{Source.Name}:{first.Line},{first.Column}-{last.Line},{last.Column}");
    }
}
