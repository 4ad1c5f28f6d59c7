using System.Runtime.InteropServices;

namespace Depot.Cli.Rendering;

/// <summary>While it lives, the terminal hands over keys as they are pressed, unechoed.</summary>
internal sealed unsafe partial class RawMode : IDisposable
{
    private const int StandardInput = 0;
    private const int ApplyNow = 0;

    /// <summary>More than any system's struct termios, which only its own functions read.</summary>
    private const int TermiosBytesMax = 128;

    private readonly byte[] _before = new byte[TermiosBytesMax];

    private RawMode()
    {
    }

    /// <summary>Null where stdin is no terminal.</summary>
    public static RawMode? TryEnter()
    {
        if (OperatingSystem.IsWindows())
        {
            return null;
        }

        var mode = new RawMode();
        var raw = new byte[TermiosBytesMax];
        fixed (byte* before = mode._before, changed = raw)
        {
            if (GetAttributes(StandardInput, before) != 0)
            {
                return null;
            }

            mode._before.CopyTo(raw.AsSpan());
            MakeRaw(changed);
            return SetAttributes(StandardInput, ApplyNow, changed) == 0 ? mode : null;
        }
    }

    public void Dispose()
    {
        fixed (byte* before = _before)
        {
            _ = SetAttributes(StandardInput, ApplyNow, before);
        }
    }

    [LibraryImport("libc", EntryPoint = "tcgetattr")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int GetAttributes(int descriptor, byte* termios);

    [LibraryImport("libc", EntryPoint = "tcsetattr")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetAttributes(int descriptor, int when, byte* termios);

    [LibraryImport("libc", EntryPoint = "cfmakeraw")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void MakeRaw(byte* termios);
}
