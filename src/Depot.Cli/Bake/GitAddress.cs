using Depot.Cli.Build;
using Slipway.Bake.Functions;

namespace Depot.Cli.Bake;

/// <summary>A repository, a revision and a folder in it, as BuildKit writes them: <c>URL#revision:folder</c>, or <c>URL?ref=…&amp;subdir=…</c>.</summary>
internal sealed record GitAddress(string Remote, string Revision, string Folder)
{
    /// <returns>Null for an address that is no repository's.</returns>
    public static GitAddress? Parse(string url)
    {
        if (!RemoteSource.IsGit(url))
        {
            return null;
        }

        var (address, fragment) = Cut(url, '#');
        var (remote, query) = Cut(address, '?');
        var (revision, folder) = Cut(fragment, ':');
        foreach (var field in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (key, value) = Cut(field, '=');
            (revision, folder) = key switch
            {
                "ref" or "branch" or "tag" or "commit" => (Uri.UnescapeDataString(value), folder),
                "subdir" => (revision, Uri.UnescapeDataString(value)),
                _ => (revision, folder),
            };
        }

        return new GitAddress(remote.StartsWith("github.com/", StringComparison.Ordinal) ? $"https://{remote}" : remote, revision, folder.Trim('/'));
    }

    /// <summary>A path in the repository, from its root.</summary>
    /// <exception cref="CliException">The path leads out of it.</exception>
    public string PathOf(string path)
    {
        var clean = PathFunctions.Clean($"{Folder}/{path}").TrimStart('/');
        return clean == ".." || clean.StartsWith("../", StringComparison.Ordinal) ? throw new CliException($"{path} leads out of {Remote}") : clean;
    }

    /// <summary>The address of a folder below this one.</summary>
    public string Below(string path) => PathOf(path) is "." ? $"{Remote}#{Revision}" : $"{Remote}#{Revision}:{PathOf(path)}";

    private static (string Before, string After) Cut(string text, char mark)
    {
        var at = text.IndexOf(mark, StringComparison.Ordinal);
        return at < 0 ? (text, "") : (text[..at], text[(at + 1)..]);
    }
}
