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
        var parts = new Stack<string>(Path.GetFullPath(path, workingFolder).Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        var resolved = "/";
        for (var links = 0; parts.TryPop(out var part);)
        {
            if (part == "..")
            {
                resolved = Path.GetDirectoryName(resolved) ?? "/";
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

                resolved = Path.IsPathRooted(target) ? "/" : resolved;
                foreach (var step in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(step => step != ".").Reverse())
                {
                    parts.Push(step);
                }
            }
            else if (!entry.Exists && !Directory.Exists(next))
            {
                parts.Push(part);
                return (resolved, string.Join('/', parts));
            }
            else
            {
                resolved = next;
            }
        }

        return (resolved, "");
    }

    public static bool IsWithin(string path, string folder) =>
        path == folder || folder == "/" || path.StartsWith(folder.TrimEnd('/') + "/", StringComparison.Ordinal);
}
