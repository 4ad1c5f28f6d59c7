using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Slipway.BuildKit.FileSync.Linux;

/// <summary>Writes entries by calls that name one entry in an open folder.</summary>
/// <remarks>That folder was opened below the root with links refused: whatever the engine sends, and whatever lies in the destination already or is put
/// there meanwhile, nothing outside is touched.</remarks>
[SupportedOSPlatform("linux")]
internal sealed class LinuxWriter(LinuxFolder root) : FolderWriter
{
    private const uint OwnerMayAll = 0x1C0;

    private readonly List<FileStat> _folders = [];
    private readonly List<FileStat> _links = [];

    // The folder of the last entry: entries arrive folder by folder.
    private byte[]? _parentPath;
    private int _parent = -1;

    public override void AddFolder(FileStat stat)
    {
        var parent = OpenParent(stat.Path);
        var name = Name(stat.Path);
        if (Libc.MakeFolderAt(parent, name, OwnerMayAll) < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error != Libc.EEXIST)
            {
                throw root.Failure("create folder", stat.Path, error);
            }

            KeepOrReplaceFolder(parent, name, stat);
        }

        _folders.Add(stat);
    }

    public override void AddSymlink(FileStat stat)
    {
        CheckTarget(stat);
        Place(stat, (parent, name) => Libc.SymlinkAt(WirePath.Terminated(stat.Linkname), parent, name), "create link");
    }

    /// <summary>Devices need root.</summary>
    public override void AddSpecial(FileStat stat)
    {
        var type = (stat.Mode & GoFileMode.CharDevice) != 0 ? Libc.S_IFCHR
            : (stat.Mode & GoFileMode.NamedPipe) != 0 ? Libc.S_IFIFO
            : Libc.S_IFBLK;
        var device = DeviceNumber((ulong)stat.DevMajor, (ulong)stat.DevMinor);
        Place(
            stat,
            (parent, name) => Libc.MakeNodeAt(parent, name, type | OwnerMayAll, device) == 0
                ? Libc.ChangeModeAt(parent, name, GoFileMode.ToPermissions(stat.Mode), 0)
                : -1,
            "create device");
    }

    public override void AddHardLink(FileStat stat)
    {
        ReceiveOrder.Check(stat.Linkname);
        _links.Add(stat);
    }

    public override FileWriter CreateFile(FileStat stat)
    {
        const int flags = Libc.O_CREAT | Libc.O_EXCL | Libc.O_WRONLY | Libc.O_CLOEXEC;
        var parent = OpenParent(stat.Path);
        var name = Name(stat.Path);
        var descriptor = Libc.OpenAt(parent, name, flags | Libc.O_NOFOLLOW, 0x180);
        if (descriptor < 0 && Marshal.GetLastPInvokeError() == Libc.EEXIST)
        {
            name = TemporaryBytes();
            descriptor = Libc.OpenAt(parent, name, flags | Libc.O_NOFOLLOW, 0x180);
        }

        return descriptor >= 0
            ? new LinuxFileWriter(this, stat, name, descriptor)
            : throw root.Failure("create file", stat.Path, Marshal.GetLastPInvokeError());
    }

    public override void Finish()
    {
        foreach (var link in _links)
        {
            MakeHardLink(link);
        }

        for (var i = _folders.Count - 1; i >= 0; i--)
        {
            FinishFolder(_folders[i]);
        }
    }

    public override void Dispose() => CloseParent();

    private void MakeHardLink(FileStat stat)
    {
        var targetFolder = root.OpenBelow(WirePath.Terminated(WirePath.Parent(stat.Linkname)), Libc.O_PATH | Libc.O_DIRECTORY);
        if (targetFolder < 0)
        {
            throw root.Failure("link to", stat.Linkname, Marshal.GetLastPInvokeError());
        }

        try
        {
            Place(stat, (parent, name) => Libc.LinkAt(targetFolder, Name(stat.Linkname), parent, name, 0), "link", hasOwnTimes: false);
        }
        finally
        {
            _ = Libc.Close(targetFolder);
        }
    }

    private void FinishFolder(FileStat stat)
    {
        var folder = root.OpenBelow(WirePath.Terminated(stat.Path), Libc.O_RDONLY | Libc.O_DIRECTORY);
        if (folder < 0)
        {
            throw root.Failure("open folder", stat.Path, Marshal.GetLastPInvokeError());
        }

        try
        {
            SetMetadata(folder, stat);
        }
        finally
        {
            _ = Libc.Close(folder);
        }
    }

    private void SetMetadata(int descriptor, FileStat stat)
    {
        foreach (var (key, value) in stat.Xattrs ?? [])
        {
            // What this user or file system does not allow is left out, as upstream leaves it.
            _ = Libc.SetXattr(descriptor, WirePath.Terminated(key), value, value.Length, 0);
        }

        if (Libc.ChangeMode(descriptor, GoFileMode.ToPermissions(stat.Mode)) < 0 || Libc.SetTimes(descriptor, Times(stat)) < 0)
        {
            throw root.Failure("set mode and time of", stat.Path, Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>Creates an entry under its name; where something has the name, beside it, and then in its place.</summary>
    private void Place(FileStat stat, Func<int, byte[], int> create, string what, bool hasOwnTimes = true)
    {
        var parent = OpenParent(stat.Path);
        var name = Name(stat.Path);
        var created = name;
        if (create(parent, name) < 0)
        {
            if (Marshal.GetLastPInvokeError() == Libc.EEXIST)
            {
                created = TemporaryBytes();
            }

            if (created == name || create(parent, created) < 0)
            {
                throw root.Failure(what, stat.Path, Marshal.GetLastPInvokeError());
            }
        }

        if (hasOwnTimes)
        {
            _ = Libc.SetTimesAt(parent, created, Times(stat), Libc.AT_SYMLINK_NOFOLLOW);
        }

        if (created != name)
        {
            Replace(parent, created, name, stat.Path);
        }
    }

    private void Replace(int parent, byte[] created, byte[] name, byte[] path)
    {
        var renamed = Libc.RenameAt(parent, created, parent, name);
        if (renamed < 0 && Marshal.GetLastPInvokeError() is Libc.EISDIR or Libc.ENOTEMPTY or Libc.EEXIST)
        {
            Remove(parent, name, path);
            renamed = Libc.RenameAt(parent, created, parent, name);
        }

        if (renamed < 0)
        {
            throw root.Failure("replace", path, Marshal.GetLastPInvokeError());
        }

        // Two names of one file stay as they are (rename(2)); otherwise the temporary name is gone.
        _ = Libc.UnlinkAt(parent, created, 0);
    }

    private void KeepOrReplaceFolder(int parent, byte[] name, FileStat stat)
    {
        if (Libc.StatAt(parent, name, Libc.AT_SYMLINK_NOFOLLOW, Libc.StatxBasic, out var old) == 0 && (old.Mode & Libc.S_IFMT) == Libc.S_IFDIR)
        {
            // Until the end the owner must be able to write into it.
            if ((old.Mode & OwnerMayAll) != OwnerMayAll)
            {
                _ = Libc.ChangeModeAt(parent, name, (old.Mode & 0xFFFu) | OwnerMayAll, 0);
            }

            return;
        }

        if (Libc.UnlinkAt(parent, name, 0) < 0 || Libc.MakeFolderAt(parent, name, OwnerMayAll) < 0)
        {
            throw root.Failure("create folder", stat.Path, Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>Removes an entry and all below it, without following links.</summary>
    private void Remove(int parent, byte[] name, byte[] path)
    {
        if (Libc.UnlinkAt(parent, name, 0) == 0)
        {
            return;
        }

        var folder = Libc.OpenAt(parent, name, Libc.O_RDONLY | Libc.O_DIRECTORY | Libc.O_NOFOLLOW | Libc.O_CLOEXEC, 0);
        if (folder >= 0)
        {
            try
            {
                foreach (var child in LinuxReader.NamesOf(folder))
                {
                    Remove(folder, child, path);
                }
            }
            finally
            {
                _ = Libc.Close(folder);
            }
        }

        if (Libc.UnlinkAt(parent, name, Libc.AT_REMOVEDIR) < 0)
        {
            throw root.Failure("replace", path, Marshal.GetLastPInvokeError());
        }
    }

    private int OpenParent(byte[] path)
    {
        var parent = WirePath.Parent(path);
        if (_parentPath is null || !parent.SequenceEqual(_parentPath))
        {
            CloseParent();
            _parent = root.OpenBelow(WirePath.Terminated(parent), Libc.O_PATH | Libc.O_DIRECTORY);
            _parentPath = _parent >= 0 ? parent.ToArray() : throw root.Failure("open folder", parent, Marshal.GetLastPInvokeError());
        }

        return _parent;
    }

    private void CloseParent()
    {
        if (_parent >= 0)
        {
            _ = Libc.Close(_parent);
        }

        _parent = -1;
        _parentPath = null;
    }

    private static byte[] Name(byte[] path) => WirePath.Terminated(WirePath.Name(path));

    private static byte[] TemporaryBytes() => WirePath.Terminated(System.Text.Encoding.ASCII.GetBytes(TemporaryName()));

    private static Libc.TimeSpec[] Times(FileStat stat)
    {
        var seconds = Math.DivRem(stat.ModTime, 1_000_000_000, out var nanoseconds);
        if (nanoseconds < 0)
        {
            seconds--;
            nanoseconds += 1_000_000_000;
        }

        var time = new Libc.TimeSpec { Seconds = seconds, Nanoseconds = nanoseconds };
        return [time, time];
    }

    /// <summary>makedev(3) of glibc.</summary>
    private static ulong DeviceNumber(ulong major, ulong minor) =>
        ((major & 0xFFF) << 8) | ((major & ~0xFFFul) << 32) | (minor & 0xFF) | ((minor & ~0xFFul) << 12);

    private sealed class LinuxFileWriter(LinuxWriter folder, FileStat stat, byte[] name, int descriptor) : FileWriter
    {
        private int _descriptor = descriptor;

        public override void Write(ReadOnlySpan<byte> data)
        {
            while (!data.IsEmpty)
            {
                var written = Libc.Write(_descriptor, data, data.Length);
                if (written >= 0)
                {
                    data = data[(int)written..];
                }
                else if (Marshal.GetLastPInvokeError() != Libc.EINTR)
                {
                    throw folder.Unwritable(stat.Path);
                }
            }
        }

        public override void Complete()
        {
            folder.SetMetadata(_descriptor, stat);
            if (Libc.Close(Interlocked.Exchange(ref _descriptor, -1)) < 0)
            {
                throw folder.Unwritable(stat.Path);
            }

            var wanted = Name(stat.Path);
            if (!wanted.AsSpan().SequenceEqual(name))
            {
                folder.Replace(folder.OpenParent(stat.Path), name, wanted, stat.Path);
            }
        }

        public override void Dispose()
        {
            var descriptor = Interlocked.Exchange(ref _descriptor, -1);
            if (descriptor >= 0)
            {
                _ = Libc.Close(descriptor);
                folder.Discard(stat.Path, name);
            }
        }
    }

    private void Discard(byte[] path, byte[] name)
    {
        try
        {
            _ = Libc.UnlinkAt(OpenParent(path), name, 0);
        }
        catch (IOException)
        {
            // Its folder is gone, or is a folder no longer.
        }
    }

    private IOException Unwritable(byte[] path) => root.Failure("write file", path, Marshal.GetLastPInvokeError());
}
