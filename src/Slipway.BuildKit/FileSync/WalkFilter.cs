namespace Slipway.BuildKit.FileSync;

/// <summary>Decides what a walk sends: what the include patterns name (nothing given: everything) and the exclude patterns do not.</summary>
internal sealed class WalkFilter
{
    public static readonly WalkFilter Everything = new(null, null);

    private readonly IgnorePatterns? _include;
    private readonly IgnorePatterns? _exclude;
    private readonly bool _mayPruneByInclude;
    private readonly bool _mayPruneByExclude;

    /// <param name="prune">False walks into every folder; the outcome is the same, which a test relies on.</param>
    public WalkFilter(IgnorePatterns? include, IgnorePatterns? exclude, bool prune = true)
    {
        _include = include is { Count: > 0 } ? include : null;
        _exclude = exclude is { Count: > 0 } ? exclude : null;
        _mayPruneByInclude = prune && OnlyPrefixes(_include, exceptions: false);
        _mayPruneByExclude = prune && OnlyPrefixes(_exclude, exceptions: true);
    }

    public enum Verdict
    {
        Send,

        /// <summary>Not sent itself; a folder is still walked, and sent after all when something in it is.</summary>
        Skip,

        /// <summary>A folder with nothing to send in it.</summary>
        Prune,
    }

    /// <param name="path">Relative to the root.</param>
    /// <param name="parent">What <paramref name="own"/> was for the folder that holds it.</param>
    /// <param name="own">A folder's results, for its entries.</param>
    public Verdict Judge(ReadOnlySpan<byte> path, bool isFolder, FolderMatches parent, out FolderMatches own)
    {
        own = isFolder
            ? new FolderMatches(_include is null ? null : new bool[_include.Count], _exclude is null ? null : new bool[_exclude.Count])
            : default;
        var verdict = Verdict.Send;
        if (_include is not null && !_include.Matches(path, parent.Include, own.Include))
        {
            if (isFolder && _mayPruneByInclude && !AnyBelow(_include, path, exceptions: false))
            {
                return Verdict.Prune;
            }

            verdict = Verdict.Skip;
        }

        if (_exclude is not null && _exclude.Matches(path, parent.Exclude, own.Exclude))
        {
            if (isFolder && _mayPruneByExclude && !AnyBelow(_exclude, path, exceptions: true))
            {
                return Verdict.Prune;
            }

            verdict = Verdict.Skip;
        }

        return verdict;
    }

    private static bool OnlyPrefixes(IgnorePatterns? patterns, bool exceptions)
    {
        foreach (var pattern in patterns?.Patterns ?? [])
        {
            if (pattern.IsException == exceptions && pattern.WithoutTrailingGlob().ContainsAny(PatternSyntax.Special))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>True when a pattern of that kind names something below <paramref name="folder"/>.</summary>
    private static bool AnyBelow(IgnorePatterns patterns, ReadOnlySpan<byte> folder, bool exceptions)
    {
        foreach (var pattern in patterns.Patterns)
        {
            if (pattern.IsException != exceptions)
            {
                continue;
            }

            var text = pattern.WithoutTrailingGlob();
            if (text.StartsWith(folder) && (text.Length == folder.Length || text[folder.Length] == '/'))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>Which include and which exclude patterns matched a folder, or a folder above it.</summary>
internal readonly record struct FolderMatches(bool[]? Include, bool[]? Exclude);
