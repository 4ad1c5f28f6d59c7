namespace Slipway.Bake.Hcl;

/// <summary>A stretch of a template: text, a value, or a directive.</summary>
internal sealed record TemplatePart(TemplatePartKind Kind, SourceRange Range)
{
    public string Text { get; init; } = "";

    public Expression? Value { get; init; }

    public string? KeyName { get; init; }

    public string? ValueName { get; init; }

    /// <summary><c>${~</c>: blanks before it go.</summary>
    public bool TrimsBefore { get; init; }

    /// <summary><c>~}</c>: blanks after it go.</summary>
    public bool TrimsAfter { get; init; }

    public string Word => Kind.ToString().ToLowerInvariant();
}

/// <summary>What a part of a template is.</summary>
internal enum TemplatePartKind
{
    Text,
    Value,
    If,
    Else,
    EndIf,
    For,
    EndFor,
}
