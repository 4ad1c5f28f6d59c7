using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Depot.Cli.Exec;

/// <summary>Asks another process to end.</summary>
internal static partial class ChildSignal
{
    private const int SigTerm = 15;

    /// <summary>On Windows, which cannot ask, an interrupt at the console has reached it by itself.</summary>
    public static void Terminate(int processId)
    {
        if (!OperatingSystem.IsWindows())
        {
            _ = Kill(processId, SigTerm);
        }
    }

    [UnsupportedOSPlatform("windows")]
    [LibraryImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Kill(int processId, int signal);
}
