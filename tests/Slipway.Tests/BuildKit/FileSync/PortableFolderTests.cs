using Slipway.BuildKit.Export;
using Slipway.BuildKit.FileSync;
using Slipway.BuildKit.FileSync.Portable;
using Slipway.BuildKit.Ssh;
using Xunit;

namespace Slipway.Tests.BuildKit.FileSync;

public sealed class PortableFolderTests
{
    [Fact]
    public void No_component_is_followed_when_it_is_a_link()
    {
        using var outside = new Tree().File("x/victim", "v");
        using var tree = new Tree().File("a/b/c", "c").Link("l", outside.Path).Link("a/l", outside.At("x/victim")).Link("in", "a");
        using var root = PortableFolder.Open(tree.Path);
        using var found = root.OpenFile("a/b/c"u8);
        Assert.NotNull(found);
        Assert.All(["a", "a/none/c", "a/b/c/d", "a/l", "l/x/victim", "in/b/c"], path => Assert.Null(root.OpenFile(System.Text.Encoding.UTF8.GetBytes(path))));
    }

    [Fact]
    public void What_is_no_folder_is_refused_by_name()
    {
        using var tree = new Tree().File("file");
        Assert.Equal($"cannot open folder {tree.At("file")}: not a directory", Assert.Throws<IOException>(() => PortableFolder.Open(tree.At("file"))).Message);
        Assert.Equal($"cannot open folder {tree.At("none")}: no such file or directory", Assert.Throws<IOException>(() => PortableFolder.Open(tree.At("none"))).Message);
    }

    [Theory]
    [InlineData("a/b.txt", true)]
    [InlineData(".dockerignore", true)]
    [InlineData("console/communication", true)]
    [InlineData(@"a\..\..\x", false)]
    [InlineData("c:/x", false)]
    [InlineData("a/file:stream", false)]
    [InlineData("nul", false)]
    [InlineData("a/Con.txt", false)]
    [InlineData("LPT1", false)]
    [InlineData("com¹.log", false)]
    [InlineData("trailing.", false)]
    [InlineData("trailing ", false)]
    [InlineData("a//b", false)]
    [InlineData("line\nfeed", false)]
    public void Windows_gets_names_and_nothing_else(string path, bool isPlain)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(path);
        Assert.Equal(isPlain, PortablePath.Split(bytes, isWindows: true) is not null);
        Assert.NotNull(PortablePath.Split(bytes, isWindows: false));
    }

    [Fact]
    public void Links_of_Windows_travel_with_slashes()
    {
        Assert.Equal("../a/b"u8, PortablePath.ToWire(@"..\a\b", isWindows: true)!);
        Assert.Equal(@"a\b"u8, PortablePath.ToWire(@"a\b", isWindows: false)!);
    }

    [Fact]
    public void What_looks_empty_is_written_in_place_and_taken_for_a_socket()
    {
        using var tree = new Tree().Pipe("pipe").File("key", "-----BEGIN").File("empty");
        Assert.False(ByteExport.IsPortablyReplaceable(tree.At("pipe")));
        Assert.False(ByteExport.IsPortablyReplaceable("/dev/null"));
        Assert.False(ByteExport.IsPortablyReplaceable(@"\\.\pipe\x"));
        Assert.True(ByteExport.IsPortablyReplaceable(tree.At("key")));
        Assert.True(ByteExport.IsPortablyReplaceable(tree.At("none")));
        Assert.True(FileKind.IsPortablySocket(tree.At("pipe")));
        Assert.False(FileKind.IsPortablySocket(tree.At("key")));
    }
}
