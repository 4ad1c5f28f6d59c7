namespace Slipway.Bake.Hcl;

/// <summary>A file breaks the language's rules, or an expression in it has no value.</summary>
internal sealed class HclException : Exception
{
    private readonly IReadOnlyList<HclException>? _all;

    /// <param name="summary">The kind of fault, in the language's own words: tools match on it.</param>
    /// <param name="detail">What it is about, and what to do.</param>
    public HclException(string summary, string detail, SourceRange? subject = null)
        : base($"{(subject is { } at ? $"{at}: " : "")}{summary}; {detail}")
    {
        (Summary, Detail, Subject) = (summary, detail, subject);
    }

    /// <summary>Several faults, told as buildx tells them: the first, and how many more there are.</summary>
    private HclException(IReadOnlyList<HclException> all)
        : base($"{all[0].Message}, and {all.Count - 1} other diagnostic(s)", all[0])
    {
        (Summary, Detail, Subject, _all) = (all[0].Summary, all[0].Detail, all[0].Subject, all);
    }

    public string Summary { get; }

    public string Detail { get; }

    public SourceRange? Subject { get; }

    /// <summary>Every fault that was found, in the order of the files.</summary>
    public IReadOnlyList<HclException> All => _all ?? [this];

    /// <summary>One exception for all of them; the same fault met twice counts once.</summary>
    public static HclException Of(IEnumerable<HclException> faults)
    {
        var all = faults.SelectMany(fault => fault.All).DistinctBy(fault => fault.Message)
            .GroupBy(fault => fault.Subject?.Source).SelectMany(file => file.OrderBy(fault => fault.Subject?.Start)).ToList();
        return all is [var only] ? only : new HclException(all);
    }
}
