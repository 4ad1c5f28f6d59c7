using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Slipway.BuildKit;

namespace Depot.Cli.Rendering;

/// <summary>Writes to a terminal as it is. The runtime's own console stream first puts the terminal into keypad mode, and a CI system's
/// terminal has those bytes in its log.</summary>
[UnsupportedOSPlatform("windows")]
internal sealed partial class TerminalOutput(int descriptor) : ForwardStream
{
    private const int Interrupted = 4;

    /// <summary>EAGAIN.</summary>
    private static readonly int s_tryAgain = OperatingSystem.IsMacOS() ? 35 : 11;

    private const short Writable = 4;

    public override bool CanWrite => true;

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override unsafe void Write(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            nint written;
            fixed (byte* start = bytes)
            {
                written = WriteBytes(descriptor, start, (nuint)bytes.Length);
            }

            if (written >= 0)
            {
                bytes = bytes[(int)written..];
            }
            else if (!MayGoOn(Marshal.GetLastPInvokeError()))
            {
                // The terminal is gone, and nobody is left to be told.
                return;
            }
        }
    }

    /// <summary>Another program may have made the terminal that both write to a non-blocking one.</summary>
    private unsafe bool MayGoOn(int error)
    {
        if (error == s_tryAgain)
        {
            var wait = new PollDescriptor { Descriptor = descriptor, Events = Writable };
            _ = Poll(&wait, 1, -1);
            return (wait.Returned & Writable) != 0;
        }

        return error == Interrupted;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static unsafe partial nint WriteBytes(int descriptor, byte* bytes, nuint count);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static unsafe partial int Poll(PollDescriptor* descriptors, nuint count, int milliseconds);
}
