using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Slipway.BuildKit.Ssh;

/// <summary>Tells a socket from a file without opening it, which .NET cannot.</summary>
internal static partial class FileKind
{
    // struct statx is the same on every architecture, unlike struct stat: stx_mode is a u16 at offset 28 (linux/stat.h).
    private const int StatxBytes = 256;
    private const int ModeOffset = 28;
    private const int TypeMask = 0xF000;
    private const int SocketType = 0xC000;
    private const int CurrentFolder = -100;
    private const uint WantType = 1;

    public static bool IsSocket(string path) => OperatingSystem.IsLinux() ? IsLinuxSocket(path) : IsPortablySocket(path);

    /// <summary>Elsewhere it is what has no content: an empty file is no key either.</summary>
    internal static bool IsPortablySocket(string path) => new FileInfo(path).Length == 0;

    [SupportedOSPlatform("linux")]
    private static bool IsLinuxSocket(string path)
    {
        Span<byte> found = stackalloc byte[StatxBytes];
        return Statx(CurrentFolder, path, 0, WantType, found) == 0
            && (MemoryMarshal.Read<ushort>(found[ModeOffset..]) & TypeMask) == SocketType;
    }

    [SupportedOSPlatform("linux")]
    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Statx(int folder, string path, int flags, uint mask, Span<byte> buffer);
}
