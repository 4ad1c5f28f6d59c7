using System.Globalization;
using System.Text.Json;
using Google.Protobuf;

namespace Depot.Cli.Build;

/// <summary>What a frontend answered to <c>--call</c>, shown as buildx shows it.</summary>
internal sealed class CallAnswer(CallSpec call, IReadOnlyDictionary<string, string> metadata)
{
    public static CallAnswer Of(CallSpec call, IEnumerable<KeyValuePair<string, ByteString>> metadata) =>
        new(call, metadata.ToDictionary(entry => entry.Key, entry => entry.Value.ToStringUtf8(), StringComparer.Ordinal));

    /// <summary>Writes the answer and says what the process is to end with.</summary>
    /// <param name="dockerfile">The Dockerfile as the user named it, for the excerpts.</param>
    /// <exception cref="CliException">The Dockerfile could not be understood far enough to answer.</exception>
    public int Print(TextWriter output, string? dockerfile)
    {
        if (call.Format == "json")
        {
            output.WriteLine(metadata.GetValueOrDefault("result.json", ""));
        }
        else if (call.Name == "lint")
        {
            PrintLint(output, dockerfile);
        }
        else
        {
            // The frontend brings the text that its own printer makes of the JSON.
            output.Write(metadata.GetValueOrDefault("result.txt") ?? metadata.GetValueOrDefault("result.json", ""));
        }

        return !call.IgnoresStatus && int.TryParse(metadata.GetValueOrDefault("result.statuscode"), CultureInfo.InvariantCulture, out var status) ? status : ExitCode.Done;
    }

    /// <summary>How many rules the Dockerfile breaks.</summary>
    public int WarningCount => Lint().Warnings?.Count ?? 0;

    /// <summary>The warnings with their places in the Dockerfile.</summary>
    public string WarningText(string? dockerfile) => LintText.Format(Lint(), dockerfile);

    /// <summary>Why the frontend could not read the Dockerfile to its end; null when it could.</summary>
    public CliException? Problem(string? dockerfile) =>
        Lint().BuildError is { } error ? new CliException(LintText.Format(error, Lint(), dockerfile).TrimEnd('\n')) : null;

    private void PrintLint(TextWriter output, string? dockerfile)
    {
        var count = WarningCount;
        if (count > 0)
        {
            output.WriteLine(count == 1 ? "Check complete, 1 warning has been found!" : string.Create(CultureInfo.InvariantCulture, $"Check complete, {count} warnings have been found!"));
        }

        output.Write(WarningText(dockerfile));
        if (Problem(dockerfile) is { } problem)
        {
            output.Write(count > 0 ? "\n" : "");
            throw problem;
        }

        if (count == 0)
        {
            output.WriteLine("Check complete, no warnings found.");
        }
    }

    private LintResult Lint() => metadata.TryGetValue("result.json", out var json)
        ? JsonSerializer.Deserialize(json, CliJson.Default.LintResult) ?? new LintResult()
        : new LintResult();
}
