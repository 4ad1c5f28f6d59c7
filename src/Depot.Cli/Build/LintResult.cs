namespace Depot.Cli.Build;

/// <summary>The Dockerfile frontend's answer to <c>frontend.lint</c> (<c>result.json</c>).</summary>
internal sealed record LintResult
{
    /// <summary>Null where there are none: the frontend writes Go's empty list.</summary>
    public IReadOnlyList<LintWarning>? Warnings { get; init; }

    public IReadOnlyList<LintSource>? Sources { get; init; }

    public LintError? BuildError { get; init; }
}

internal sealed record LintWarning(string? RuleName, string? Url, string? Detail, LintLocation? Location);

internal sealed record LintError(string? Message, LintLocation? Location);

/// <param name="SourceIndex">Negative when the place is unknown; absent means the first source.</param>
internal sealed record LintLocation(int SourceIndex, IReadOnlyList<LintRange>? Ranges);

internal sealed record LintRange(LintPosition? Start, LintPosition? End);

internal sealed record LintPosition(int Line);

internal sealed record LintSource(string? Filename, byte[]? Data);
