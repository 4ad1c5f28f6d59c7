namespace Depot.Cli.Build;

/// <summary>Tells sources that the builder fetches itself (git and http) from paths.</summary>
internal static class RemoteSource
{
    private static readonly string[] GitSchemes = ["http", "https", "ssh", "git"];

    public static bool IsHttp(string text) =>
        text.StartsWith("https://", StringComparison.Ordinal) || text.StartsWith("http://", StringComparison.Ordinal);

    public static bool IsRemote(string text) => IsHttp(text) || IsGit(text);

    /// <summary>A git repository that is reached over ssh: the builder will want the user's agent.</summary>
    public static bool IsGitOverSsh(string text) => IsGit(text) && (text.StartsWith("ssh://", StringComparison.OrdinalIgnoreCase) || Scheme(text) is null && IsScpStyle(text));

    /// <summary>True when a git address has a query part (<c>?ref=…</c>), which older frontends do not know.</summary>
    public static bool HasGitQuery(string text) => IsGit(text) && text.Split('#')[0].Contains('?', StringComparison.Ordinal);

    public static bool IsGit(string text)
    {
        if (text.StartsWith("./", StringComparison.Ordinal) || text.StartsWith("../", StringComparison.Ordinal))
        {
            return false;
        }

        if (text.StartsWith("github.com/", StringComparison.Ordinal))
        {
            return true;
        }

        var scheme = Scheme(text);
        if (scheme is null)
        {
            return IsScpStyle(text);
        }

        // Over http(s) only the .git suffix tells a repository from an archive.
        return GitSchemes.Contains(scheme)
            && (scheme is "ssh" or "git" || text.Split('#', '?')[0].EndsWith(".git", StringComparison.Ordinal));
    }

    private static string? Scheme(string text)
    {
        var at = text.IndexOf("://", StringComparison.Ordinal);
        return at > 0 && text[..at].All(char.IsAsciiLetterOrDigit) ? text[..at].ToLowerInvariant() : null;
    }

    /// <summary><c>git@host:path</c>.</summary>
    private static bool IsScpStyle(string text)
    {
        var at = text.IndexOf('@', StringComparison.Ordinal);
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return at > 0 && colon > at + 1 && text[..at].All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.')
            && text[(at + 1)..colon].All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.');
    }
}
