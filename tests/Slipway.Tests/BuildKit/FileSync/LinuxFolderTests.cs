using System.Runtime.InteropServices;
using System.Text;
using Slipway.BuildKit.FileSync;
using Slipway.BuildKit.FileSync.Linux;
using Xunit;

namespace Slipway.Tests.BuildKit.FileSync;

public sealed class LinuxFolderTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void No_component_is_followed_when_it_is_a_link(bool hasOpenAt2)
    {
        using var outside = new Tree().File("x/victim");
        using var tree = new Tree().File("a/b/c").Link("l", outside.Path).Link("a/l", outside.At("x/victim")).Link("in", "a");
        using var root = LinuxFolder.Open(tree.Path);
        LinuxFolder.HasOpenAt2 = hasOpenAt2;
        try
        {
            Assert.Equal(0, Open(root, "a/b/c"));
            Assert.Equal(0, Open(root, "a"));
            Assert.Equal(0, Open(root, ""));
            Assert.Equal(Libc.ENOENT, Open(root, "a/none/c"));
            Assert.Equal(Libc.ENOTDIR, Open(root, "a/b/c/d"));
            Assert.Equal(Libc.ELOOP, Open(root, "a/l"));
            Assert.True(Open(root, "l/x/victim") is Libc.ELOOP or Libc.ENOTDIR);
            Assert.True(Open(root, "in/b/c") is Libc.ELOOP or Libc.ENOTDIR);
        }
        finally
        {
            LinuxFolder.HasOpenAt2 = true;
        }
    }

    [Fact]
    public async Task Older_kernels_carry_the_same_tree()
    {
        using var from = new Tree().File("a/b/c", "c").Link("a/l", "b").Xattr("a/b/c", "user.k", "v").Xattr("a", "user.large", new string('x', 3000));
        using var to = new Tree();
        var expected = await from.DescribeAsync();
        LinuxFolder.HasOpenAt2 = false;
        XattrReader.HasXattrAt = false;
        try
        {
            Assert.Equal(expected, await from.DescribeAsync());
            await RoundTripTests.CopyAsync(LinuxFolder.Open, from, to);
        }
        finally
        {
            LinuxFolder.HasOpenAt2 = true;
            XattrReader.HasXattrAt = true;
        }

        Assert.Equal(expected, await to.DescribeAsync());
    }

    [Fact]
    public void What_is_no_folder_is_refused_by_name()
    {
        using var tree = new Tree().File("file");
        var failure = Assert.Throws<IOException>(() => LinuxFolder.Open(tree.At("file")));
        Assert.Equal($"cannot open folder {tree.At("file")}: not a directory", failure.Message);
    }

    /// <returns>0, or the error number.</returns>
    private static int Open(LinuxFolder root, string path)
    {
        var descriptor = root.OpenBelow([.. Encoding.UTF8.GetBytes(path), 0], Libc.O_RDONLY);
        return descriptor < 0 ? Marshal.GetLastPInvokeError() : Libc.Close(descriptor);
    }
}
