namespace Slipway.BuildKit.FileSync;

/// <summary>Turns the paths that a build uses into include patterns: the paths themselves, and every link on the way with what it points to.</summary>
/// <remarks>
/// Links are followed one component at a time and inside the root: an absolute target begins at the root, <c>..</c> stops there.
/// A wildcard in a component is followed through the links that match it; otherwise it stays in the pattern.
/// </remarks>
internal sealed class FollowPaths
{
    private readonly RootFolder _root;
    private readonly SortedSet<byte[]> _resolved = new(ByteOrder.Instance);

    // A list instead of recursion: a context with a long chain of links must not exhaust the stack.
    private readonly Stack<byte[]> _open = new();

    private FollowPaths(RootFolder root) => _root = root;

    /// <summary>The include patterns, sorted, without paths below other ones; null when a path is the root itself and nothing is filtered.</summary>
    /// <exception cref="IOException">A folder on the way may not be read.</exception>
    public static List<byte[]>? Resolve(RootFolder root, IEnumerable<byte[]> paths)
    {
        var follow = new FollowPaths(root);
        foreach (var path in paths)
        {
            follow._open.Push(path);
            while (follow._open.TryPop(out var next))
            {
                follow.Follow(WirePath.BelowRoot(next));
            }
        }

        return WithoutSubPaths(follow._resolved);
    }

    /// <summary>Drops every path below the one before it. Null when one of them is <c>.</c>.</summary>
    /// <param name="sorted">In byte order.</param>
    public static List<byte[]>? WithoutSubPaths(IEnumerable<byte[]> sorted)
    {
        var kept = new List<byte[]>();
        byte[] last = [];
        foreach (var path in sorted)
        {
            if (path.AsSpan().SequenceEqual("."u8))
            {
                return null;
            }

            if (path.Length > last.Length && path.AsSpan().StartsWith(last) && path[last.Length] == '/')
            {
                continue;
            }

            kept.Add(path);
            last = path;
        }

        return kept;
    }

    private void Follow(byte[] path)
    {
        for (var end = 0; end < path.Length;)
        {
            var slash = path.AsSpan(end).IndexOf((byte)'/');
            var isLast = slash < 0;
            end = isLast ? path.Length : end + slash;
            var current = path.AsSpan(0, end);
            var targets = TargetsOf(current);
            if (!isLast && targets is null)
            {
                end++;
                continue;
            }

            // Seen before: its targets have been followed too, and this is what ends a loop of links.
            if (!_resolved.Add(current.ToArray()) || targets is null)
            {
                return;
            }

            foreach (var target in targets)
            {
                _open.Push(isLast ? target : WirePath.Join(target, path.AsSpan(end + 1)));
            }

            return;
        }
    }

    /// <summary>What the links behind a path point to, from the root; null when there is none.</summary>
    private List<byte[]>? TargetsOf(ReadOnlySpan<byte> path)
    {
        if (!HasWildcard(WirePath.Name(path)))
        {
            return ReadLink(path) is { } target ? [target] : null;
        }

        List<byte[]>? targets = null;
        foreach (var name in MatchingNames(path))
        {
            if (ReadLink(WirePath.Join(WirePath.Parent(path), name)) is { } target)
            {
                (targets ??= []).Add(target);
            }
        }

        return targets;
    }

    private byte[]? ReadLink(ReadOnlySpan<byte> path)
    {
        if (path.SequenceEqual("."u8))
        {
            return null;
        }

        return _root.ReadLink(path) is not { } target ? null
            : target[0] == '/' ? target
            : WirePath.Join(WirePath.Parent(path), target);
    }

    private List<byte[]> MatchingNames(ReadOnlySpan<byte> path)
    {
        PatternProgram program;
        try
        {
            var pattern = WirePath.Name(path);
            PatternSyntax.Check(pattern);
            program = PatternProgram.Compile(PatternSyntax.TranslateName(pattern));
        }
        catch (FormatException)
        {
            return [];
        }

        var listing = new FolderListing();
        _root.CreateReader(WalkFilter.Everything)
            .Read(new WalkFolder(WirePath.Parent(path).ToArray(), default, isSkipped: false), listing);
        var names = new List<byte[]>();
        for (var i = 0; i < listing.Count; i++)
        {
            if (program.IsMatch(listing.NameOf(i)))
            {
                names.Add(listing.NameOf(i).ToArray());
            }
        }

        return names;
    }

    private static bool HasWildcard(ReadOnlySpan<byte> name)
    {
        for (var i = 0; i < name.Length; i++)
        {
            if (name[i] == '\\')
            {
                i++;
            }
            else if (name[i] is (byte)'*' or (byte)'?' or (byte)'[')
            {
                return true;
            }
        }

        return false;
    }
}
