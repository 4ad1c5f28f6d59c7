using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Depot.Cli.Rendering;

/// <summary>The terminal of Linux and macOS.</summary>
[UnsupportedOSPlatform("windows")]
internal static partial class UnixTerminal
{
    public static Terminal Open(TerminalOptions options) => new()
    {
        In = OpenInput(),
        Out = IsTerminal(1) != 0 ? new TerminalOutput(1) : Console.OpenStandardOutput(),
        Err = IsTerminal(2) != 0 ? new TerminalOutput(2) : Console.OpenStandardError(),
        InIsTerminal = IsTerminal(0) != 0,
        OutIsTerminal = IsTerminal(1) != 0,
        ErrIsTerminal = IsTerminal(2) != 0,
        Options = options,
        Size = OperatingSystem.IsLinux() ? SizeOfStderr : ConsoleSize.Read,
    };

    /// <summary>Past the runtime's console for the reason that <see cref="TerminalOutput"/> gives, and because it edits lines: keys would come with Enter only.</summary>
    private static Stream OpenInput() => IsTerminal(0) != 0
        ? new FileStream(new SafeFileHandle(0, ownsHandle: false), FileAccess.Read, bufferSize: 0)
        : Console.OpenStandardInput();

    [SupportedOSPlatform("linux")]
    private static unsafe TerminalSize SizeOfStderr()
    {
        WindowSize size;
        return SystemControl(2, GetWindowSize, &size) == 0 && size.Columns > 0 && size.Rows > 0
            ? new TerminalSize(size.Columns, size.Rows)
            : TerminalSize.Unknown;
    }

    // TIOCGWINSZ of asm-generic/ioctls.h, which amd64 and arm64 share.
    private const nuint GetWindowSize = 0x5413;

    [StructLayout(LayoutKind.Sequential)]
    private struct WindowSize
    {
        public ushort Rows;
        public ushort Columns;
        public ushort WidthPixels;
        public ushort HeightPixels;
    }

    [LibraryImport("libc", EntryPoint = "isatty")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int IsTerminal(int descriptor);

    // Variadic in C; Linux on amd64 and arm64 passes these three the same way either way. macOS on arm64 does not.
    [SupportedOSPlatform("linux")]
    [LibraryImport("libc", EntryPoint = "ioctl")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static unsafe partial int SystemControl(int descriptor, nuint request, WindowSize* size);
}
