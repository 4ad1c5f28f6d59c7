namespace Slipway.BuildKit.FileSync.Portable;

/// <summary>Reads folders as .NET lists them.</summary>
internal sealed class PortableReader(PortableFolder root, WalkFilter filter, FileTimes times) : FolderReader
{
    /// <summary>Linux gives every link all permissions.</summary>
    private const uint ModeOfLinks = GoFileMode.Symlink | GoFileMode.Permissions;

    /// <summary>0755: what BuildKit's own client tells of everything on Windows, which knows no executables.</summary>
    private const uint PermissionsOnWindows = 0x1ED;

    private static readonly EnumerationOptions s_everything = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    public override void Read(WalkFolder folder, FolderListing listing)
    {
        listing.Start(folder);
        foreach (var (name, entry) in Entries(folder))
        {
            var path = WirePath.Join(folder.Path, name);
            try
            {
                Add(name, path, entry, listing);
            }
            catch (UnauthorizedAccessException forbidden)
            {
                throw root.Forbidden("read", path, inner: forbidden);
            }
        }
    }

    private SortedList<byte[], FileSystemInfo> Entries(WalkFolder folder)
    {
        var entries = new SortedList<byte[], FileSystemInfo>(ByteOrder.Instance);
        if (root.Find(folder.Path) is not DirectoryInfo { LinkTarget: null } found)
        {
            return entries;
        }

        try
        {
            foreach (var entry in found.EnumerateFileSystemInfos("*", s_everything))
            {
                entries.Add(NameOf(entry), entry);
            }
        }
        catch (DirectoryNotFoundException)
        {
            entries.Clear();
        }
        catch (UnauthorizedAccessException forbidden)
        {
            return folder.IsSkipped ? entries : throw root.Forbidden("read folder", folder.Path, inner: forbidden);
        }

        return entries;
    }

    private static byte[] NameOf(FileSystemInfo entry) => PortablePath.ToWire(entry.Name, isWindows: false)
        ?? throw NoText(entry);

    private static IOException NoText(FileSystemInfo entry) => new($"the name of {entry.FullName} is no valid Unicode: rename it, or keep it out of the context");

    private void Add(byte[] name, byte[] path, FileSystemInfo entry, FolderListing listing)
    {
        var attributes = entry.Attributes;
        if ((int)attributes == -1)
        {
            // Vanished since its folder was read; or its name is no text, and what .NET makes of it is another name.
            if (entry.Name.Contains('\uFFFD', StringComparison.Ordinal))
            {
                throw NoText(entry);
            }

            return;
        }

        // A file that a cloud keeps is a reparse point, too, and has no target.
        var target = attributes.HasFlag(FileAttributes.ReparsePoint) ? entry.LinkTarget : null;
        var isFolder = target is null && attributes.HasFlag(FileAttributes.Directory);
        var verdict = filter.Judge(path, isFolder, listing.Folder.Matches, out var matches);
        if (verdict == WalkFilter.Verdict.Prune || (verdict == WalkFilter.Verdict.Skip && !isFolder))
        {
            return;
        }

        ref var listed = ref listing.Add(name);
        listed.Links = 1;
        listed.Mode = target is null ? ModeOf(entry, isFolder) : ModeOfLinks;
        listed.Size = entry is FileInfo file && target is null ? file.Length : 0;
        listed.Folder = isFolder ? new WalkFolder(path, matches, verdict == WalkFilter.Verdict.Skip) : null;
        listed.ModTime = times == FileTimes.OfFiles ? (entry.LastWriteTimeUtc - DateTime.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick
            : isFolder || target is not null ? ContentTime.Midnight
            : ContentTimeOf(path);
        if (target is not null && PortablePath.ToWire(target, OperatingSystem.IsWindows()) is { } link)
        {
            (listed.LinkOffset, listed.LinkLength, listed.Size) = (listing.Store(link), link.Length, link.Length);
        }
    }

    private static uint ModeOf(FileSystemInfo entry, bool isFolder) =>
        (isFolder ? GoFileMode.Folder : 0) | (OperatingSystem.IsWindows() ? PermissionsOnWindows : GoFileMode.FromStat((uint)entry.UnixFileMode));

    /// <summary>What cannot be read is for whoever sends it to say.</summary>
    private long ContentTimeOf(byte[] path)
    {
        try
        {
            using var file = root.OpenFile(path);
            return (file is null ? null : ContentTime.OfFile(file)) ?? ContentTime.OfNothing;
        }
        catch (IOException)
        {
            return ContentTime.OfNothing;
        }
    }
}
