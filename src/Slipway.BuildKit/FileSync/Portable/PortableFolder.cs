namespace Slipway.BuildKit.FileSync.Portable;

/// <summary>A folder of any system, by nothing but .NET's own file API.</summary>
/// <remarks>
/// What that API does not tell stays behind: extended attributes, hard links (sent as files of their own), and what an empty-looking file is besides a file,
/// so that a pipe, a socket and a device travel as empty files and are never opened. Times have 100 ns.
/// Every component is looked at before the whole path is used: an engine cannot lead out of the folder; a program of this machine that
/// puts a link there in between could, where the user lets it write into the folder.
/// </remarks>
internal sealed class PortableFolder : RootFolder
{
    private PortableFolder(string path)
        : base(path)
    {
    }

    /// <inheritdoc cref="RootFolder.Open"/>
    public static new PortableFolder Open(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        return Directory.Exists(full) ? new PortableFolder(full)
            : throw new IOException($"cannot open folder {full}: {(File.Exists(full) ? "not a directory" : "no such file or directory")}");
    }

    public override FolderReader CreateReader(WalkFilter filter, FileTimes times = FileTimes.OfFiles) => new PortableReader(this, filter, times);

    public override FolderWriter CreateWriter() => new PortableWriter(this);

    public override SourceFile? OpenFile(ReadOnlySpan<byte> path)
    {
        try
        {
            // What has no length is not opened: it may be a pipe, which would wait for a writer.
            return Find(path) is FileInfo { LinkTarget: null, Length: > 0 } file
                ? new PortableFile(File.OpenHandle(file.FullName, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.SequentialScan))
                : null;
        }
        catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (UnauthorizedAccessException forbidden)
        {
            throw Forbidden("read file", path, inner: forbidden);
        }
        catch (IOException failure)
        {
            throw Failure("read file", path, failure.Message, failure);
        }
    }

    public override byte[]? ReadLink(ReadOnlySpan<byte> path)
    {
        try
        {
            return Find(path)?.LinkTarget is { Length: > 0 } target ? PortablePath.ToWire(target, OperatingSystem.IsWindows()) : null;
        }
        catch (UnauthorizedAccessException forbidden)
        {
            throw Forbidden("read", path, inner: forbidden);
        }
    }

    public override void Dispose()
    {
    }

    /// <summary>The entry at a path, a link as itself; null where there is none, or only through a link.</summary>
    internal FileSystemInfo? Find(ReadOnlySpan<byte> path)
    {
        if (PortablePath.Split(path, OperatingSystem.IsWindows()) is not { } names)
        {
            return null;
        }

        FileSystemInfo entry = new DirectoryInfo(Path);
        foreach (var name in names)
        {
            if (entry is not DirectoryInfo { LinkTarget: null } || Look(System.IO.Path.Combine(entry.FullName, name)) is not { } next)
            {
                return null;
            }

            entry = next;
        }

        return entry;
    }

    /// <summary>What is at a place: a <see cref="DirectoryInfo"/> for a folder and a link to one, a <see cref="FileInfo"/> for all else, null for nothing.</summary>
    internal static FileSystemInfo? Look(string full)
    {
        var file = new FileInfo(full);
        return (int)file.Attributes == -1 ? null
            : file.Attributes.HasFlag(FileAttributes.Directory) ? new DirectoryInfo(full)
            : file;
    }
}
