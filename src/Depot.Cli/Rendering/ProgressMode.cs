using Slipway.BuildKit;

namespace Depot.Cli.Rendering;

/// <summary>How progress is shown.</summary>
internal enum ProgressMode
{
    /// <summary>In place on a terminal, else as plain lines.</summary>
    Auto,
    Plain,
    Tty,

    /// <summary>Nothing but the image id at the end, on stdout.</summary>
    Quiet,

    /// <summary>One JSON object per status message.</summary>
    RawJson,

    /// <summary>Nothing at all.</summary>
    None,
}

/// <summary>Reads <c>--progress</c>.</summary>
internal static class ProgressModes
{
    /// <param name="word">The flag's value; empty is auto.</param>
    /// <param name="buildkitProgress"><c>BUILDKIT_PROGRESS</c>, which counts only where the flag says auto.</param>
    /// <param name="quiet">The flag <c>--quiet</c>.</param>
    /// <exception cref="InputException">The word is unknown, or contradicts <c>--quiet</c>.</exception>
    public static ProgressMode Parse(string word, string? buildkitProgress, bool quiet)
    {
        var mode = Parse(word);
        if (quiet)
        {
            return mode is ProgressMode.Auto or ProgressMode.Quiet or ProgressMode.None
                ? ProgressMode.Quiet
                : throw new InputException($"progress={word} and quiet cannot be used together");
        }

        return mode == ProgressMode.Auto && !string.IsNullOrEmpty(buildkitProgress) ? Parse(buildkitProgress) : mode;
    }

    private static ProgressMode Parse(string word) => word switch
    {
        "" or "auto" => ProgressMode.Auto,
        "plain" => ProgressMode.Plain,
        "tty" => ProgressMode.Tty,
        "quiet" => ProgressMode.Quiet,
        "rawjson" => ProgressMode.RawJson,
        "none" => ProgressMode.None,
        _ => throw new InputException($"invalid progress mode {word}; use auto, plain, tty, quiet, rawjson or none"),
    };
}
