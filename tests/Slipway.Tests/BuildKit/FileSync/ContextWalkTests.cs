using System.Text;
using CsCheck;
using Slipway.BuildKit.FileSync;
using Slipway.BuildKit.FileSync.Linux;
using Slipway.BuildKit.FileSync.Portable;
using Xunit;

namespace Slipway.Tests.BuildKit.FileSync;

/// <summary>What a walk tells of a folder.</summary>
public abstract class ContextWalkTests
{
    private protected abstract RootFolder Open(string path);

    private static readonly string[] Names = ["a", "b", "a-b", "c.md", "d"];

    private static readonly string[] Patterns =
        ["a", "b", "a/b", "*/b", "**/b", "a/**", "*.md", "**/*.md", "a/b/d", "d/a", "?", "[ab]", "a*", "**", "*", "a/*", "b/**/d", "a-b/"];

    [Fact]
    public async Task Entries_come_in_the_order_of_the_wire()
    {
        using var tree = new Tree().File("b").File("a/z").File("a-b").File("a.txt").File("a/b/c").File("B").Folder("empty").File("long-name-2").File("long-name-1");
        Assert.Equal(["B", "a", "a/b", "a/b/c", "a/z", "a-b", "a.txt", "b", "empty", "long-name-1", "long-name-2"], await tree.PathsAsync(open: Open));
    }

    [Fact]
    public async Task Reading_ahead_changes_nothing()
    {
        using var tree = new Tree();
        for (var i = 0; i < 400; i++)
        {
            tree.File($"d{i % 7}/e{i % 5}/f{i % 3}/g{i}");
        }

        Assert.Equal(await PathsAsync(tree, readersMax: 0), await PathsAsync(tree, readersMax: 8));
        Assert.Equal(await PathsAsync(tree, readersMax: 0), await PathsAsync(tree, readersMax: 1));
    }

    [Fact]
    public async Task A_folder_the_filter_skips_comes_before_the_first_entry_it_sends()
    {
        using var tree = new Tree().File("a/b/keep.md").File("a/b/other").File("a/x").File("c/y");
        Assert.Equal(["a", "a/b", "a/b/keep.md"], await tree.PathsAsync(Filter([], ["**", "!**/*.md"]), Open));
        Assert.Equal(["a", "a/b", "a/b/keep.md"], await tree.PathsAsync(Filter(["**/*.md"], []), Open));
        Assert.Equal(["a", "a/b", "a/b/other"], await tree.PathsAsync(Filter(["a/b"], ["*", "!a/b/other"]), Open));
    }

    [Fact]
    public void Pruning_changes_nothing() =>
        Gen.Select(Of(Names).Array[1, 4].Select(parts => string.Join('/', parts)).Array[0, 12], PatternLists, PatternLists)
            .Sample(
                (paths, include, exclude) =>
                {
                    using var tree = Plant(paths);
                    var pruned = Walk(tree, Filter(include, exclude));
                    Assert.Equal(Walk(tree, Filter(include, exclude, prune: false)), pruned);
                    if (!include.Concat(exclude).Any(pattern => pattern.StartsWith('!')))
                    {
                        Assert.Equal(Expected(tree, include, exclude), pruned);
                    }
                },
                iter: 300);

    [Fact]
    public async Task Links_keep_their_text_and_are_not_followed()
    {
        using var outside = new Tree().File("secret");
        using var tree = new Tree().Link("out", outside.Path).Link("dangling", "nowhere").Folder("d").Link("d/up", "../..");
        var lines = await tree.DescribeAsync(open: Open);
        Assert.Equal(4, lines.Count);
        Assert.Contains(lines, line => line.StartsWith("out ", StringComparison.Ordinal) && line.Contains($"link={outside.Path} ", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("d/up ", StringComparison.Ordinal) && line.Contains("link=../.. ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_folder_that_may_not_be_read_is_an_error_unless_the_filter_skips_it()
    {
        using var tree = new Tree().File("open/a").File("closed/b").File("z");
        tree.Mode("closed", 0).Mode("", 755);
        try
        {
            var failure = AsNobody.Run(() => Record.Exception(() => Walk(tree, WalkFilter.Everything)));
            Assert.Contains("closed", Assert.IsType<IOException>(failure).Message, StringComparison.Ordinal);
            Assert.Contains("ermission denied", failure.Message, StringComparison.Ordinal);
            Assert.Equal(["open", "open/a", "z"], AsNobody.Run(() => Walk(tree, Filter([], ["closed", "!**/x"]))));
            Assert.Equal(["open", "open/a", "z"], AsNobody.Run(() => Walk(tree, Filter([], ["closed"]))));
        }
        finally
        {
            tree.Mode("closed", 755);
        }
    }

    [Fact]
    public void A_malformed_pattern_ends_the_walk()
    {
        using var tree = new Tree().File("a");
        Assert.Throws<FormatException>(() => Walk(tree, Filter([], ["a\\y"])));
    }

    private static Gen<string[]> PatternLists =>
        Gen.Select(Gen.Bool, Of(Patterns), (exception, pattern) => exception ? "!" + pattern : pattern).Array[0, 4];

    private static Gen<string> Of(string[] choices) => Gen.Int[0, choices.Length - 1].Select(index => choices[index]);

    internal static WalkFilter Filter(string[] include, string[] exclude, bool prune = true) =>
        new(IgnorePatterns.Of(include), IgnorePatterns.Of(exclude), prune);

    private static Tree Plant(string[] paths)
    {
        var tree = new Tree();
        foreach (var path in paths)
        {
            // A path through a file that is there already is left out.
            for (var at = path.IndexOf('/', StringComparison.Ordinal); ; at = path.IndexOf('/', at + 1))
            {
                if (File.Exists(tree.At(at < 0 ? path : path[..at])))
                {
                    break;
                }

                if (at < 0)
                {
                    if (!Directory.Exists(tree.At(path)))
                    {
                        tree.File(path);
                    }

                    break;
                }
            }
        }

        return tree;
    }

    private List<string> Walk(Tree tree, WalkFilter filter) => PathsAsync(tree, 0, filter).GetAwaiter().GetResult();

    private async Task<List<string>> PathsAsync(Tree tree, int readersMax, WalkFilter? filter = null)
    {
        using var root = Open(tree.Path);
        await using var walk = new ContextWalk(root, filter ?? WalkFilter.Everything, readersMax);
        var paths = new List<string>();
        await foreach (var entry in walk.EntriesAsync(CancellationToken.None))
        {
            paths.Add(Encoding.Latin1.GetString(WirePath.Join(entry.Parent.Path, entry.Name)));
        }

        return paths;
    }

    /// <summary>The definition, which a walk with exceptions departs from (see <see cref="IgnorePatterns.Matches"/>): an entry is sent when the patterns say so of its path, or when something below it is sent.</summary>
    private List<string> Expected(Tree tree, string[] include, string[] exclude)
    {
        var all = Walk(tree, WalkFilter.Everything);
        var include_ = IgnorePatterns.Of(include);
        var exclude_ = IgnorePatterns.Of(exclude);
        var matches = all.Where(path => Sent(include_, exclude_, path)).ToHashSet();
        return [.. all.Where(path => matches.Contains(path) || matches.Any(other => other.StartsWith(path + "/", StringComparison.Ordinal)))];
    }

    private static bool Sent(IgnorePatterns include, IgnorePatterns exclude, string path)
    {
        var bytes = Encoding.UTF8.GetBytes(path);
        return (include.Count == 0 || include.MatchesPathOrParent(bytes)) && !exclude.MatchesPathOrParent(bytes);
    }
}

/// <summary>The same by Linux' own calls.</summary>
public sealed class LinuxContextWalkTests : ContextWalkTests
{
    private protected override RootFolder Open(string path) => LinuxFolder.Open(path);

    [Fact]
    public async Task Names_that_are_no_text_stay_as_they_are()
    {
        using var tree = new Tree().RawFile([(byte)'n', 0xFF, 0xFE], "x").File("ü").File("日本");
        var paths = await tree.PathsAsync();
        Assert.Equal(["n\u00FF\u00FE", Encoding.Latin1.GetString("ü"u8), Encoding.Latin1.GetString("日本"u8)], paths);
    }

    [Fact]
    public async Task Attributes_travel_in_their_wire_form()
    {
        using var tree = new Tree().File("plain").File("marked").Xattr("marked", "user.slip", "value");
        var lines = await tree.DescribeAsync();
        var slip = "52120A09" + Convert.ToHexString("user.slip"u8) + "1205" + Convert.ToHexString("value"u8);
        Assert.Contains(lines, line => line.StartsWith("marked ", StringComparison.Ordinal) && line.Contains(slip, StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("plain ", StringComparison.Ordinal) && line.Contains("xattr= ", StringComparison.Ordinal));
    }
}

/// <summary>The same by .NET alone, as on macOS and Windows.</summary>
public sealed class PortableContextWalkTests : ContextWalkTests
{
    private protected override RootFolder Open(string path) => PortableFolder.Open(path);
}
