namespace Depot.Cli.Build;

/// <summary><c>--lint</c>: what the frontend's own check of the Dockerfile does to the build.</summary>
/// <remarks>
/// Depot runs the images of hadolint and semgrep for this, and semgrep fetches its rules from the internet. Here the Dockerfile frontend's
/// rules are used, which every builder has. All of them are warnings; a Dockerfile that cannot be read to its end is an error.
/// </remarks>
internal sealed record LintRule(bool FailsOnWarnings, bool FailsOnErrors)
{
    /// <summary>Reads <c>--lint-fail-on</c>; a word that is unknown counts as <c>error</c>, as with the published client.</summary>
    public static LintRule Of(string failOn) => failOn switch
    {
        "none" => new LintRule(FailsOnWarnings: false, FailsOnErrors: false),
        "warn" or "info" => new LintRule(FailsOnWarnings: true, FailsOnErrors: true),
        _ => new LintRule(FailsOnWarnings: false, FailsOnErrors: true),
    };

    /// <summary>Shows what was found.</summary>
    /// <exception cref="CliException">It ends the build.</exception>
    public void Judge(CallAnswer answer, string? dockerfile, TextWriter error)
    {
        var count = answer.WarningCount;
        if (count > 0)
        {
            error.WriteLine($"\n{count} linter issue{(count == 1 ? "" : "s")} found:");
            error.Write(answer.WarningText(dockerfile));
        }

        var problem = answer.Problem(dockerfile);
        if ((problem is not null && FailsOnErrors) || (count > 0 && FailsOnWarnings))
        {
            throw new CliException($"linting failed{(problem is null ? "" : $": {problem.Message}")}", inner: problem)
            {
                Remedy = "Correct the Dockerfile, or build on with --lint-fail-on=none.",
            };
        }
    }
}
