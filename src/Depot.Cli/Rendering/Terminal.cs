using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Depot.Cli.Rendering;

/// <summary>The process's three streams: results go to <see cref="Out"/>, everything else to <see cref="Err"/>.</summary>
internal sealed partial class Terminal
{
    public required Stream In { get; init; }

    public required Stream Out { get; init; }

    public required Stream Err { get; init; }

    public bool InIsTerminal { get; init; }

    public bool OutIsTerminal { get; init; }

    public bool ErrIsTerminal { get; init; }

    public TerminalOptions Options { get; init; } = new();

    /// <summary>The size of the terminal behind stderr, which may change at any time.</summary>
    public Func<TerminalSize> Size { get; init; } = () => TerminalSize.Unknown;

    /// <summary>True when text on stderr may be coloured.</summary>
    public bool UseColor => ErrIsTerminal && !Options.NoColor;

    /// <summary>The streams that this process was started with.</summary>
    public static Terminal OfProcess(TerminalOptions options) => new()
    {
        In = OpenInput(),
        Out = IsTerminal(1) != 0 ? new TerminalOutput(1) : Console.OpenStandardOutput(),
        Err = IsTerminal(2) != 0 ? new TerminalOutput(2) : Console.OpenStandardError(),
        InIsTerminal = IsTerminal(0) != 0,
        OutIsTerminal = IsTerminal(1) != 0,
        ErrIsTerminal = IsTerminal(2) != 0,
        Options = options,
        Size = SizeOfStderr,
    };

    /// <summary>Past the runtime's console for the reason that <see cref="TerminalOutput"/> gives, and because it edits lines: keys would come with Enter only.</summary>
    private static Stream OpenInput() => IsTerminal(0) != 0
        ? new FileStream(new SafeFileHandle(0, ownsHandle: false), FileAccess.Read, bufferSize: 0)
        : Console.OpenStandardInput();

    /// <summary>Writes one line of result.</summary>
    public void WriteResult(string line) => Write(Out, line);

    /// <summary>Writes one line for people.</summary>
    public void WriteMessage(string line) => Write(Err, line);

    private static void Write(Stream stream, string line)
    {
        stream.Write(Encoding.UTF8.GetBytes(line + "\n"));
        stream.Flush();
    }

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

    // Variadic in C; Linux on amd64 and arm64 passes these three the same way either way.
    [LibraryImport("libc", EntryPoint = "ioctl")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static unsafe partial int SystemControl(int descriptor, nuint request, WindowSize* size);
}
