namespace Slipway.Bake.Hcl;

/// <summary>A file breaks the language's rules, or an expression in it has no value.</summary>
/// <param name="summary">The kind of fault, in the language's own words: tools match on it.</param>
/// <param name="detail">What it is about, and what to do.</param>
internal sealed class HclException(string summary, string detail, SourceRange? subject = null) : Exception($"{(subject is { } at ? $"{at}: " : "")}{summary}; {detail}")
{
    public string Summary => summary;

    public string Detail => detail;

    public SourceRange? Subject => subject;
}
