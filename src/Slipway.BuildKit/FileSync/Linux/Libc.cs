using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Slipway.BuildKit.FileSync.Linux;

/// <summary>The few Linux calls that file sync needs and .NET does not offer: raw byte names, calls relative to an open folder, no following of links.</summary>
/// <remarks>Every call reports failure as -1 with the error number in <see cref="Marshal.GetLastPInvokeError"/>.</remarks>
[SupportedOSPlatform("linux")]
internal static partial class Libc
{
    public const int EPERM = 1, ENOENT = 2, EINTR = 4, ENXIO = 6, EAGAIN = 11, EACCES = 13, EEXIST = 17, ENOTDIR = 20, EISDIR = 21, EINVAL = 22,
        ERANGE = 34, ENAMETOOLONG = 36, ENOSYS = 38, ENOTEMPTY = 39, ELOOP = 40, EOPNOTSUPP = 95;

    public const int O_RDONLY = 0, O_WRONLY = 1, O_CREAT = 0x40, O_EXCL = 0x80, O_NONBLOCK = 0x800, O_CLOEXEC = 0x80000, O_PATH = 0x200000;

    public const int AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100, AT_REMOVEDIR = 0x200, AT_NO_AUTOMOUNT = 0x800, AT_EMPTY_PATH = 0x1000;

    public const ulong RESOLVE_NO_SYMLINKS = 0x04, RESOLVE_BENEATH = 0x08;

    public const uint S_IFMT = 0xF000, S_IFSOCK = 0xC000, S_IFLNK = 0xA000, S_IFREG = 0x8000, S_IFBLK = 0x6000, S_IFDIR = 0x4000, S_IFCHR = 0x2000, S_IFIFO = 0x1000;

    public const byte DT_UNKNOWN = 0, DT_DIR = 4;

    public const uint StatxBasic = 0x7ff;

    private static readonly bool Arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    /// <summary>The two flags whose numbers differ between x86-64 and arm64 (asm/fcntl.h).</summary>
    public static readonly int O_DIRECTORY = Arm ? 0x4000 : 0x10000;

    public static readonly int O_NOFOLLOW = Arm ? 0x8000 : 0x20000;

    private static readonly nint SysGetdents64 = Arm ? 61 : 217;

    // Numbers from 403 on are the same on every architecture.
    private const nint SysOpenat2 = 437;
    private const nint SysGetxattrat = 464;
    private const nint SysListxattrat = 465;

    /// <summary>struct statx of linux/stat.h: the same on every architecture, unlike struct stat.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Statx
    {
        public uint Mask;
        public uint BlockSize;
        public ulong Attributes;
        public uint Links;
        public uint Uid;
        public uint Gid;
        public ushort Mode;
        private ushort _spare0;
        public ulong Inode;
        public ulong Size;
        public ulong Blocks;
        public ulong AttributesMask;
        public Timestamp Access;
        public Timestamp Birth;
        public Timestamp Change;
        public Timestamp Modify;
        public uint SpecialMajor;
        public uint SpecialMinor;
        public uint DeviceMajor;
        public uint DeviceMinor;
        private Spare _spare;

        [System.Runtime.CompilerServices.InlineArray(14)]
        private struct Spare
        {
            private ulong _first;
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct Timestamp
    {
        public long Seconds;
        public uint Nanoseconds;
        private int _reserved;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct OpenHow
    {
        public ulong Flags;
        public ulong Mode;
        public ulong Resolve;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct XattrArgs
    {
        public ulong Value;
        public uint Size;
        public uint Flags;
    }

    /// <summary>The words for an error number, as strerror gives them.</summary>
    public static string Describe(int error)
    {
        var text = Marshal.GetPInvokeErrorMessage(error);
        return text.Length == 0 ? text : char.ToLowerInvariant(text[0]) + text[1..];
    }

    public static unsafe int OpenAt2(int folder, ReadOnlySpan<byte> path, int flags, uint mode, ulong resolve)
    {
        var how = new OpenHow { Flags = (uint)(flags | O_CLOEXEC), Mode = mode, Resolve = resolve };
        fixed (byte* name = path)
        {
            return (int)Syscall(SysOpenat2, folder, (nint)name, (nint)(&how), sizeof(OpenHow), 0, 0);
        }
    }

    public static unsafe int GetDents(int folder, Span<byte> buffer)
    {
        fixed (byte* bytes = buffer)
        {
            return (int)Syscall(SysGetdents64, folder, (nint)bytes, buffer.Length, 0, 0, 0);
        }
    }

    /// <summary>Names of the extended attributes of <paramref name="name"/> in <paramref name="folder"/>, without following it (Linux 6.13 and later).</summary>
    public static unsafe int ListXattrAt(int folder, ReadOnlySpan<byte> name, Span<byte> list)
    {
        fixed (byte* path = name, bytes = list)
        {
            return (int)Syscall(SysListxattrat, folder, (nint)path, AT_SYMLINK_NOFOLLOW, (nint)bytes, list.Length, 0);
        }
    }

    public static unsafe int GetXattrAt(int folder, ReadOnlySpan<byte> name, ReadOnlySpan<byte> key, Span<byte> value)
    {
        fixed (byte* path = name, attribute = key, bytes = value)
        {
            var args = new XattrArgs { Value = (ulong)bytes, Size = (uint)value.Length };
            return (int)Syscall(SysGetxattrat, folder, (nint)path, AT_SYMLINK_NOFOLLOW, (nint)attribute, (nint)(&args), sizeof(XattrArgs));
        }
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint Syscall(nint number, nint a, nint b, nint c, nint d, nint e, nint f);

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true)]
    public static partial int OpenAt(int folder, ReadOnlySpan<byte> path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    public static partial int StatAt(int folder, ReadOnlySpan<byte> path, int flags, uint mask, out Statx result);

    [LibraryImport("libc", EntryPoint = "readlinkat", SetLastError = true)]
    public static partial nint ReadLinkAt(int folder, ReadOnlySpan<byte> path, Span<byte> target, nint length);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    public static partial nint Read(int file, Span<byte> buffer, nint length, long offset);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int file, ReadOnlySpan<byte> buffer, nint length);

    [LibraryImport("libc", EntryPoint = "llistxattr", SetLastError = true)]
    public static partial nint ListXattr(ReadOnlySpan<byte> path, Span<byte> list, nint length);

    [LibraryImport("libc", EntryPoint = "lgetxattr", SetLastError = true)]
    public static partial nint GetXattr(ReadOnlySpan<byte> path, ReadOnlySpan<byte> key, Span<byte> value, nint length);

    [LibraryImport("libc", EntryPoint = "fsetxattr", SetLastError = true)]
    public static partial int SetXattr(int file, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "mkdirat", SetLastError = true)]
    public static partial int MakeFolderAt(int folder, ReadOnlySpan<byte> path, uint mode);

    [LibraryImport("libc", EntryPoint = "mknodat", SetLastError = true)]
    public static partial int MakeNodeAt(int folder, ReadOnlySpan<byte> path, uint mode, ulong device);

    [LibraryImport("libc", EntryPoint = "symlinkat", SetLastError = true)]
    public static partial int SymlinkAt(ReadOnlySpan<byte> target, int folder, ReadOnlySpan<byte> path);

    [LibraryImport("libc", EntryPoint = "linkat", SetLastError = true)]
    public static partial int LinkAt(int fromFolder, ReadOnlySpan<byte> from, int toFolder, ReadOnlySpan<byte> to, int flags);

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true)]
    public static partial int UnlinkAt(int folder, ReadOnlySpan<byte> path, int flags);

    [LibraryImport("libc", EntryPoint = "renameat", SetLastError = true)]
    public static partial int RenameAt(int fromFolder, ReadOnlySpan<byte> from, int toFolder, ReadOnlySpan<byte> to);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    public static partial int ChangeMode(int file, uint mode);

    [LibraryImport("libc", EntryPoint = "fchmodat", SetLastError = true)]
    public static partial int ChangeModeAt(int folder, ReadOnlySpan<byte> path, uint mode, int flags);

    [LibraryImport("libc", EntryPoint = "futimens", SetLastError = true)]
    public static partial int SetTimes(int file, ReadOnlySpan<TimeSpec> accessAndModify);

    [LibraryImport("libc", EntryPoint = "utimensat", SetLastError = true)]
    public static partial int SetTimesAt(int folder, ReadOnlySpan<byte> path, ReadOnlySpan<TimeSpec> accessAndModify, int flags);
}
