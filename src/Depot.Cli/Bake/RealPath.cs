namespace Depot.Cli.Bake;

/// <summary>Paths with every symbolic link on the way resolved, so that a link cannot lead out of what is permitted.</summary>
internal static class RealPath
{
    /// <summary>As Linux counts them.</summary>
    private const int LinksMax = 40;

    /// <summary>What exists of a path, resolved; and the rest as it is written.</summary>
    /// <exception cref="CliException">The links go round in a circle.</exception>
    public static (string Existing, string Missing) Of(string path, string workingFolder)
    {
        var full = Path.GetFullPath(path, workingFolder);
        var resolved = Path.GetPathRoot(full)!;
        var parts = new Stack<string>(Steps(full[resolved.Length..]).Reverse());
        for (var links = 0; parts.TryPop(out var part);)
        {
            if (part == "..")
            {
                resolved = Path.GetDirectoryName(resolved) ?? resolved;
                continue;
            }

            var next = Path.Combine(resolved, part);
            var entry = new FileInfo(next);
            if (entry.LinkTarget is { } target)
            {
                if (++links > LinksMax)
                {
                    throw new CliException($"{path}: too many levels of symbolic links");
                }

                var root = Path.GetPathRoot(target) ?? "";
                resolved = root.Length > 0 ? root : resolved;
                foreach (var step in Steps(target[root.Length..]).Where(step => step != ".").Reverse())
                {
                    parts.Push(step);
                }
            }
            else if (!entry.Exists && !Directory.Exists(next))
            {
                parts.Push(part);
                return (resolved, string.Join(Path.DirectorySeparatorChar, parts));
            }
            else
            {
                resolved = next;
            }
        }

        return (resolved, "");
    }

    public static bool IsWithin(string path, string folder) =>
        path == folder || path.StartsWith(Path.TrimEndingDirectorySeparator(folder).TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    private static string[] Steps(string path) =>
        path.Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries);
}
