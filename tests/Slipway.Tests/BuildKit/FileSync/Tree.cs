using System.Runtime.InteropServices;
using System.Text;
using Slipway.BuildKit.FileSync;
using Slipway.BuildKit.FileSync.Linux;
using Xunit;

namespace Slipway.Tests.BuildKit.FileSync;

/// <summary>A temporary folder to fill, compare and throw away.</summary>
internal sealed class Tree : IDisposable
{
    // Memory where there is some: thousands of small files are slow on a disk and say nothing more there.
    public Tree() => Path = Directory.Exists("/dev/shm")
        ? Directory.CreateDirectory($"/dev/shm/slipway-tree-{Guid.NewGuid():N}").FullName
        : Directory.CreateTempSubdirectory("slipway-tree-").FullName;

    public string Path { get; }

    public string At(string relative) => System.IO.Path.Combine(Path, relative);

    public Tree Folder(string path)
    {
        Directory.CreateDirectory(At(path));
        return this;
    }

    public Tree File(string path, string content = "", int? octal = null)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(At(path))!);
        System.IO.File.WriteAllText(At(path), content);
        return octal is { } mode ? Mode(path, mode) : this;
    }

    /// <param name="octal">Written as chmod's argument: 755.</param>
    public Tree Mode(string path, int octal)
    {
        var mode = Convert.ToUInt32(octal.ToString(System.Globalization.CultureInfo.InvariantCulture), 8);
        Assert.Equal(0, Libc.ChangeModeAt(Libc.AT_FDCWD, C(At(path)), mode, 0));
        return this;
    }

    public Tree Bytes(string path, byte[] content)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(At(path))!);
        System.IO.File.WriteAllBytes(At(path), content);
        return this;
    }

    public Tree Link(string path, string target)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(At(path))!);
        System.IO.File.CreateSymbolicLink(At(path), target);
        return this;
    }

    public Tree HardLink(string path, string existing)
    {
        Assert.Equal(0, Libc.LinkAt(Libc.AT_FDCWD, C(At(existing)), Libc.AT_FDCWD, C(At(path)), 0));
        return this;
    }

    /// <summary>Gives everything a time that .NET can tell: of 100 ns.</summary>
    public Tree RoundTimes()
    {
        foreach (var entry in Directory.GetFileSystemEntries(Path, "*", SearchOption.AllDirectories).OrderDescending(StringComparer.Ordinal))
        {
            System.IO.File.SetLastWriteTimeUtc(entry, System.IO.File.GetLastWriteTimeUtc(entry));
        }

        return this;
    }

    /// <summary>A file whose name is given in bytes.</summary>
    public Tree RawFile(byte[] name, string content)
    {
        var descriptor = Libc.OpenAt(Libc.AT_FDCWD, [.. Encoding.UTF8.GetBytes(Path), (byte)'/', .. name, 0], Libc.O_CREAT | Libc.O_WRONLY, 0x1A4);
        Assert.True(descriptor >= 0);
        var bytes = Encoding.UTF8.GetBytes(content);
        Assert.Equal(bytes.Length, Libc.Write(descriptor, bytes, bytes.Length));
        Assert.Equal(0, Libc.Close(descriptor));
        return this;
    }

    public Tree Pipe(string path)
    {
        Assert.Equal(0, Libc.MakeNodeAt(Libc.AT_FDCWD, C(At(path)), Libc.S_IFIFO | 0x1A4, 0));
        return this;
    }

    public Tree Xattr(string path, string key, string value)
    {
        var descriptor = Libc.OpenAt(Libc.AT_FDCWD, C(At(path)), Libc.O_RDONLY, 0);
        var bytes = Encoding.UTF8.GetBytes(value);
        var set = Libc.SetXattr(descriptor, C(key), bytes, bytes.Length, 0);
        Assert.SkipWhen(set < 0 && Marshal.GetLastPInvokeError() == Libc.EOPNOTSUPP, "this file system has no extended attributes");
        Assert.True(set == 0, Libc.Describe(Marshal.GetLastPInvokeError()));
        Assert.Equal(0, Libc.Close(descriptor));
        return this;
    }

    /// <summary>Everything that a transfer carries, one line an entry, in wire order.</summary>
    /// <param name="open">By what; Linux' own calls see most.</param>
    public Task<List<string>> DescribeAsync(WalkFilter? filter = null, Func<string, RootFolder>? open = null) => DescribeAsync(Path, filter, open);

    public static async Task<List<string>> DescribeAsync(string path, WalkFilter? filter = null, Func<string, RootFolder>? open = null)
    {
        using var root = (open ?? RootFolder.Open)(path);
        var lines = new List<string>();
        var inodes = new Dictionary<ulong, string>();
        await using var walk = new ContextWalk(root, filter ?? WalkFilter.Everything);
        await foreach (var walked in walk.EntriesAsync(CancellationToken.None))
        {
            lines.Add(Describe(root, walked, inodes));
        }

        return lines;
    }

    public async Task<List<string>> PathsAsync(WalkFilter? filter = null, Func<string, RootFolder>? open = null) =>
        [.. (await DescribeAsync(filter, open)).Select(line => line[..line.IndexOf(' ', StringComparison.Ordinal)])];

    public void Dispose()
    {
        // .NET cannot name every file that these tests make.
        using var remove = System.Diagnostics.Process.Start("rm", ["-rf", Path]);
        remove.WaitForExit();
    }

    internal static byte[] C(string text) => [.. Encoding.UTF8.GetBytes(text), 0];

    private static string Describe(RootFolder root, WalkEntry walked, Dictionary<ulong, string> inodes)
    {
        ref var entry = ref walked.Entry;
        var path = WirePath.Join(walked.Parent.Path, walked.Name);
        var shown = Encoding.Latin1.GetString(path).Replace(' ', '_');
        var first = entry.Links > 1 && !GoFileMode.IsFolder(entry.Mode) && !inodes.TryAdd(entry.Inode, shown) ? inodes[entry.Inode] : "";
        var content = GoFileMode.IsRegular(entry.Mode) ? Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(ReadAll(root, path))) : "";
        return $"{shown} {entry.Mode:x} {entry.Size} {entry.ModTime} link={Encoding.Latin1.GetString(walked.Link)} same={first} "
            + $"dev={entry.SpecialMajor}:{entry.SpecialMinor} xattr={Convert.ToHexString(entry.Xattrs ?? [])} {content}";
    }

    private static byte[] ReadAll(RootFolder root, byte[] path)
    {
        using var file = root.OpenFile(path);
        using var content = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (file?.Read(buffer, content.Length) is > 0 and var read)
        {
            content.Write(buffer, 0, read);
        }

        return content.ToArray();
    }
}
