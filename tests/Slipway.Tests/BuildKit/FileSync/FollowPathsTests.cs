using System.Text;
using Slipway.BuildKit.FileSync;
using Slipway.BuildKit.FileSync.Linux;
using Slipway.BuildKit.FileSync.Portable;
using Xunit;

namespace Slipway.Tests.BuildKit.FileSync;

public abstract class FollowPathsTests
{
    private protected abstract RootFolder Open(string path);

    [Fact]
    public void A_path_without_links_is_its_own_pattern_whether_it_exists_or_not()
    {
        using var tree = new Tree().File("a/b");
        Assert.Equal(["a/b", "none/x"], Resolve(tree, "a/b", "none/x", "/a//b/", "a/b/../b"));
        Assert.Equal(["a/b/c"], Resolve(tree, "a/b/c"));
    }

    [Fact]
    public void Links_are_followed_one_component_at_a_time()
    {
        using var tree = new Tree().File("real/deep/file").Link("l1", "real").Link("real/l2", "deep").Link("abs", "/real/deep");
        Assert.Equal(["l1", "real/deep/file", "real/l2"], Resolve(tree, "l1/l2/file"));
        Assert.Equal(["abs", "real/deep/file"], Resolve(tree, "abs/file"));
    }

    [Fact]
    public void A_link_cannot_lead_out_of_the_root()
    {
        using var tree = new Tree().File("etc/passwd").Link("up", "../../../../etc").Link("abs", "/etc/passwd");
        Assert.Equal(["etc/passwd", "up"], Resolve(tree, "up/passwd"));
        Assert.Equal(["abs", "etc/passwd"], Resolve(tree, "abs"));
        Assert.Equal(["x"], Resolve(tree, "../../x"));
    }

    [Fact]
    public void Loops_end()
    {
        using var tree = new Tree().Link("a", "b").Link("b", "a").Link("self", "self/x").Link("grow", "grow/grow");
        Assert.Equal(["a", "b"], Resolve(tree, "a/file"));
        Assert.Equal(["self"], Resolve(tree, "self"));
        Assert.Equal(["grow"], Resolve(tree, "grow/y"));
    }

    [Fact]
    public void A_long_chain_of_links_does_not_exhaust_the_stack()
    {
        using var tree = new Tree().File("l5000");
        for (var i = 0; i < 5000; i++)
        {
            tree.Link($"l{i}", $"l{i + 1}");
        }

        Assert.Equal(5001, Resolve(tree, "l0").Length);
    }

    [Fact]
    public void Wildcards_stay_and_the_links_they_match_are_followed()
    {
        using var tree = new Tree().File("x.txt").File("target/t").Link("y.txt", "target/t").Link("[z]", "x.txt");
        Assert.Equal(["*.txt", "target/t"], Resolve(tree, "*.txt"));
        Assert.Equal(["?.md"], Resolve(tree, "?.md"));
        Assert.Equal(["\\[z\\]"], Resolve(tree, "\\[z\\]"));
        Assert.Equal(["[y]*", "target/t"], Resolve(tree, "[y]*"));
    }

    [Fact]
    public void The_root_itself_means_everything()
    {
        using var tree = new Tree().File("a").Link("here", ".");
        Assert.Null(Resolve(tree, "."));
        Assert.Null(Resolve(tree, "a", "/"));
        Assert.Null(Resolve(tree, "here"));
    }

    [Fact]
    public void Paths_below_others_are_left_out()
    {
        using var tree = new Tree();
        Assert.Equal(["a", "a-b", "b"], Resolve(tree, "a-b", "b/c", "a", "b").Where(path => path != "a/x").ToArray());
        Assert.Equal(["a", "ab"], Resolve(tree, "a/b", "a", "a/c/d", "ab"));
    }

    private string[] Resolve(Tree tree, params string[] paths)
    {
        using var root = Open(tree.Path);
        return FollowPaths.Resolve(root, paths.Select(Encoding.UTF8.GetBytes))?.Select(Encoding.UTF8.GetString).ToArray()!;
    }
}

/// <summary>The same by Linux' own calls.</summary>
public sealed class LinuxFollowPathsTests : FollowPathsTests
{
    private protected override RootFolder Open(string path) => LinuxFolder.Open(path);
}

/// <summary>The same by .NET alone, as on macOS and Windows.</summary>
public sealed class PortableFollowPathsTests : FollowPathsTests
{
    private protected override RootFolder Open(string path) => PortableFolder.Open(path);
}
