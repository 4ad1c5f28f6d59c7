namespace Depot.Cli.Build;

/// <summary>What a work tree says about itself: its root, commit and remote.</summary>
/// <remarks>Read from git's own files. Starting <c>git</c> five times, as buildx does, costs more than a cached build.</remarks>
internal sealed record GitFacts(string Root, string? Commit, string? RemoteUrl)
{
    /// <summary>A chain of symbolic references longer than this is a loop.</summary>
    private const int ReferenceHopsMax = 5;

    /// <summary>The work tree that holds <paramref name="folder"/>; null outside one.</summary>
    public static GitFacts? Find(string folder)
    {
        for (var current = Path.GetFullPath(folder); current is not null; current = Path.GetDirectoryName(current))
        {
            try
            {
                if (GitFolder(current) is { } git)
                {
                    return Read(current, git);
                }
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
            {
                // The facts are a courtesy to the image's reader; a repository that cannot be read has none.
                return null;
            }
        }

        return null;
    }

    /// <summary>The place of <paramref name="folder"/> in the work tree, as git writes it; null outside.</summary>
    public string? RelativePath(string folder)
    {
        var relative = Path.GetRelativePath(Root, folder);
        return relative.StartsWith("..", StringComparison.Ordinal) || Path.IsPathRooted(relative) ? null : relative.Replace(Path.DirectorySeparatorChar, '/');
    }

    /// <summary>The same however the repository was cloned (<c>https://host/a/b.git</c>, <c>git@host:a/b</c>); empty without a remote.</summary>
    public string RepositoryName
    {
        get
        {
            var name = RemoteUrl ?? "";
            var scheme = name.IndexOf("://", StringComparison.Ordinal);
            name = scheme < 0 ? name : name[(scheme + 3)..];
            name = name[(name.IndexOf('@', StringComparison.Ordinal) + 1)..].TrimEnd('/');
            name = name.EndsWith(".git", StringComparison.Ordinal) ? name[..^4] : name;

            // scp's way of writing: a colon, and no port, before the path.
            return scheme < 0 ? name.Replace(':', '/') : name;
        }
    }

    /// <summary>A linked work tree or a submodule has a file <c>.git</c> that names the folder.</summary>
    private static string? GitFolder(string folder)
    {
        var path = Path.Combine(folder, ".git");
        if (File.Exists(Path.Combine(path, "HEAD")))
        {
            return path;
        }

        if (!File.Exists(path))
        {
            return null;
        }

        var text = File.ReadAllText(path).Trim();
        const string mark = "gitdir:";
        return text.StartsWith(mark, StringComparison.Ordinal) ? Path.GetFullPath(text[mark.Length..].Trim(), folder) : null;
    }

    private static GitFacts Read(string root, string git)
    {
        var commonFile = Path.Combine(git, "commondir");
        var common = File.Exists(commonFile) ? Path.GetFullPath(File.ReadAllText(commonFile).Trim(), git) : git;
        var head = File.ReadAllText(Path.Combine(git, "HEAD")).Trim();
        return new GitFacts(root, Resolve(head, git, common), Remote(head, common));
    }

    private static string? Resolve(string value, string git, string common)
    {
        const string symbolic = "ref:";
        for (var hop = 0; hop < ReferenceHopsMax && value.StartsWith(symbolic, StringComparison.Ordinal); hop++)
        {
            var name = value[symbolic.Length..].Trim();
            var loose = new[] { git, common }.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
            value = loose is null ? Packed(name, common) ?? "" : File.ReadAllText(loose).Trim();
        }

        return value.Length >= 40 && value.All(char.IsAsciiHexDigit) ? value : null;
    }

    private static string? Packed(string name, string common)
    {
        var path = Path.Combine(common, "packed-refs");
        if (!File.Exists(path))
        {
            return null;
        }

        foreach (var line in File.ReadLines(path))
        {
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            if (space > 0 && line.AsSpan(space + 1).SequenceEqual(name))
            {
                return line[..space];
            }
        }

        return null;
    }

    /// <summary>The remote that the current branch follows, else <c>origin</c>, else <c>upstream</c>; credentials removed.</summary>
    private static string? Remote(string head, string common)
    {
        var config = Path.Combine(common, "config");
        if (!File.Exists(config))
        {
            return null;
        }

        var urls = new Dictionary<string, string>(StringComparer.Ordinal);
        var followed = new Dictionary<string, string>(StringComparer.Ordinal);
        var section = "";
        foreach (var raw in File.ReadLines(config))
        {
            var line = raw.Trim();
            if (line.StartsWith('['))
            {
                section = line.TrimEnd(']').TrimStart('[');
                continue;
            }

            var equals = line.IndexOf('=', StringComparison.Ordinal);
            var (key, value) = equals < 0 ? (line, "") : (line[..equals].Trim(), line[(equals + 1)..].Trim().Trim('"'));
            if (key == "url" && Quoted(section, "remote ") is { } remote)
            {
                urls.TryAdd(remote, value);
            }
            else if (key == "remote" && Quoted(section, "branch ") is { } branch)
            {
                followed[branch] = value;
            }
        }

        const string branches = "ref: refs/heads/";
        var own = head.StartsWith(branches, StringComparison.Ordinal) ? followed.GetValueOrDefault(head[branches.Length..]) : null;
        var url = new[] { own, "origin", "upstream" }.Where(name => name is not null).Select(name => urls.GetValueOrDefault(name!)).FirstOrDefault(found => found is not null);
        return url is null ? null : WithoutCredentials(url);
    }

    private static string? Quoted(string section, string kind) =>
        section.StartsWith(kind, StringComparison.Ordinal) ? section[kind.Length..].Trim().Trim('"') : null;

    /// <summary>The address goes into the image's provenance: a token in it must not.</summary>
    private static string WithoutCredentials(string url)
    {
        var scheme = url.IndexOf("://", StringComparison.Ordinal);
        if (scheme < 0)
        {
            return url;
        }

        var start = scheme + 3;
        var end = url.IndexOf('/', start);
        var at = url.LastIndexOf('@', end < 0 ? url.Length - 1 : end);
        return at >= start ? url[..start] + url[(at + 1)..] : url;
    }
}
