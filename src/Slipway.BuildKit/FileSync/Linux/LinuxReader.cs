using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Slipway.BuildKit.FileSync.Linux;

/// <summary>Reads folders by getdents, statx and readlinkat: names stay bytes, and nothing is looked up by its whole path.</summary>
[SupportedOSPlatform("linux")]
internal sealed class LinuxReader(LinuxFolder root, WalkFilter filter, XattrReader xattrs, FileTimes times) : FolderReader
{
    private readonly byte[] _dents = new byte[32 * 1024];
    private readonly byte[] _target = new byte[4096];
    private byte[] _names = new byte[4096];
    private RawName[] _order = new RawName[256];
    private byte[] _path = new byte[512];
    private int _nameBytes;
    private int _count;

    public override void Read(WalkFolder folder, FolderListing listing)
    {
        listing.Start(folder);
        var descriptor = root.OpenBelow(WirePath.Terminated(folder.Path), Libc.O_RDONLY | Libc.O_DIRECTORY);
        if (descriptor < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (!IsVanished(error) && !(folder.IsSkipped && error is Libc.EACCES or Libc.EPERM))
            {
                throw root.Unreadable("read folder", folder.Path, error);
            }

            return;
        }

        try
        {
            ReadNames(descriptor, folder);
            SortNames();
            for (var i = 0; i < _count; i++)
            {
                AddEntry(descriptor, ref _order[i], listing);
            }
        }
        finally
        {
            _ = Libc.Close(descriptor);
        }
    }

    /// <summary>The names in an open folder, each with its closing NUL, in no order.</summary>
    internal static List<byte[]> NamesOf(int descriptor)
    {
        var names = new List<byte[]>();
        var buffer = new byte[32 * 1024];
        int read;
        while ((read = Libc.GetDents(descriptor, buffer)) > 0)
        {
            for (var at = 0; at < read;)
            {
                var name = NameIn(buffer, ref at, out _);
                if (!name.IsEmpty)
                {
                    names.Add(WirePath.Terminated(name));
                }
            }
        }

        return names;
    }

    internal static bool IsVanished(int error) => error is Libc.ENOENT or Libc.ENOTDIR or Libc.ELOOP;

    private void ReadNames(int descriptor, WalkFolder folder)
    {
        _count = 0;
        _nameBytes = 0;
        while (true)
        {
            var read = Libc.GetDents(descriptor, _dents);
            if (read < 0)
            {
                throw root.Unreadable("read folder", folder.Path, Marshal.GetLastPInvokeError());
            }

            if (read == 0)
            {
                return;
            }

            for (var at = 0; at < read;)
            {
                var name = NameIn(_dents, ref at, out var type);
                if (!name.IsEmpty)
                {
                    KeepName(name, type);
                }
            }
        }
    }

    /// <summary>Reads one struct linux_dirent64: inode 8, offset 8, record length 2, type 1, name to NUL. The name is empty for the folder itself and its parent.</summary>
    private static ReadOnlySpan<byte> NameIn(byte[] records, ref int at, out byte type)
    {
        var record = records.AsSpan(at, BinaryPrimitives.ReadUInt16LittleEndian(records.AsSpan(at + 16)));
        at += record.Length;
        type = record[18];
        var name = record[19..];
        name = name[..name.IndexOf((byte)0)];
        return name.SequenceEqual("."u8) || name.SequenceEqual(".."u8) ? default : (ReadOnlySpan<byte>)name;
    }

    private void KeepName(ReadOnlySpan<byte> name, byte type)
    {
        if (_count == _order.Length)
        {
            Array.Resize(ref _order, _count * 2);
        }

        if (_nameBytes + name.Length + 1 > _names.Length)
        {
            Array.Resize(ref _names, _names.Length * 2);
        }

        Span<byte> head = stackalloc byte[8];
        head.Clear();
        name[..Math.Min(8, name.Length)].CopyTo(head);
        _order[_count++] = new RawName(BinaryPrimitives.ReadUInt64BigEndian(head), _nameBytes, (ushort)name.Length, type);
        name.CopyTo(_names.AsSpan(_nameBytes));
        _names[_nameBytes + name.Length] = 0;
        _nameBytes += name.Length + 1;
    }

    private void SortNames() => _order.AsSpan(0, _count).Sort(new ByName(_names));

    private void AddEntry(int descriptor, ref RawName raw, FolderListing listing)
    {
        var terminated = _names.AsSpan(raw.Offset, raw.Length + 1);
        var name = terminated[..^1];
        Libc.Statx stat = default;
        if (raw.Type == Libc.DT_UNKNOWN && !TryStat(descriptor, terminated, listing.Folder, out stat))
        {
            return;
        }

        var isFolder = raw.Type == Libc.DT_DIR || (raw.Type == Libc.DT_UNKNOWN && (stat.Mode & Libc.S_IFMT) == Libc.S_IFDIR);
        var path = PathOf(listing.Folder, name);
        var verdict = filter.Judge(path, isFolder, listing.Folder.Matches, out var matches);
        if (verdict == WalkFilter.Verdict.Prune || (verdict == WalkFilter.Verdict.Skip && !isFolder))
        {
            return;
        }

        if (raw.Type != Libc.DT_UNKNOWN && !TryStat(descriptor, terminated, listing.Folder, out stat))
        {
            return;
        }

        ref var entry = ref listing.Add(name);
        Describe(ref entry, in stat);
        if (times == FileTimes.OfContents)
        {
            entry.ModTime = GoFileMode.IsRegular(entry.Mode) ? LinuxFile.ContentTimeOf(descriptor, terminated) ?? entry.ModTime : ContentTime.Midnight;
        }

        entry.Folder = isFolder ? new WalkFolder(path.ToArray(), matches, verdict == WalkFilter.Verdict.Skip) : null;
        if (!TryReadLink(descriptor, terminated, ref entry, listing)
            || !xattrs.TryRead(descriptor, terminated, path, entry.Device, out entry.Xattrs))
        {
            listing.RemoveLast();
        }
    }

    private static void Describe(ref ListedEntry entry, in Libc.Statx stat)
    {
        var isFolder = (stat.Mode & Libc.S_IFMT) == Libc.S_IFDIR;
        entry.Mode = GoFileMode.FromStat(stat.Mode);
        entry.Links = stat.Links;
        entry.Size = isFolder ? 0 : (long)stat.Size;
        entry.ModTime = (stat.Modify.Seconds * 1_000_000_000) + stat.Modify.Nanoseconds;
        entry.Inode = stat.Inode;
        entry.Device = ((ulong)stat.DeviceMajor << 32) | stat.DeviceMinor;
        entry.SpecialMajor = stat.SpecialMajor;
        entry.SpecialMinor = stat.SpecialMinor;
    }

    /// <summary>False when the entry has vanished since its folder was read.</summary>
    private bool TryStat(int descriptor, ReadOnlySpan<byte> name, WalkFolder folder, out Libc.Statx stat)
    {
        if (Libc.StatAt(descriptor, name, Libc.AT_SYMLINK_NOFOLLOW | Libc.AT_NO_AUTOMOUNT, Libc.StatxBasic, out stat) == 0)
        {
            return true;
        }

        var error = Marshal.GetLastPInvokeError();
        return IsVanished(error) ? false : throw root.Unreadable("read", WirePath.Join(folder.Path, name[..^1]), error);
    }

    private bool TryReadLink(int descriptor, ReadOnlySpan<byte> name, ref ListedEntry entry, FolderListing listing)
    {
        if (!GoFileMode.IsSymlink(entry.Mode))
        {
            return true;
        }

        var length = Libc.ReadLinkAt(descriptor, name, _target, _target.Length);
        if (length >= 0)
        {
            entry.LinkOffset = listing.Store(_target.AsSpan(0, (int)length));
            entry.LinkLength = (int)length;
            return true;
        }

        // EINVAL: no longer a link.
        var error = Marshal.GetLastPInvokeError();
        return IsVanished(error) || error == Libc.EINVAL
            ? false
            : throw root.Unreadable("read link", WirePath.Join(listing.Folder.Path, name[..^1]), error);
    }

    private ReadOnlySpan<byte> PathOf(WalkFolder folder, ReadOnlySpan<byte> name)
    {
        if (folder.Path.Length == 0)
        {
            return name;
        }

        var length = folder.Path.Length + 1 + name.Length;
        if (length > _path.Length)
        {
            _path = new byte[length * 2];
        }

        folder.Path.CopyTo(_path, 0);
        _path[folder.Path.Length] = (byte)'/';
        name.CopyTo(_path.AsSpan(folder.Path.Length + 1));
        return _path.AsSpan(0, length);
    }

    /// <summary>A name on its way to being sorted: its first eight bytes settle most comparisons.</summary>
    private readonly record struct RawName(ulong Head, int Offset, ushort Length, byte Type);

    private readonly struct ByName(byte[] names) : IComparer<RawName>
    {
        public int Compare(RawName x, RawName y)
        {
            if (x.Head != y.Head)
            {
                return x.Head < y.Head ? -1 : 1;
            }

            return names.AsSpan(x.Offset, x.Length).SequenceCompareTo(names.AsSpan(y.Offset, y.Length));
        }
    }
}
