using System.Runtime.InteropServices;

namespace Depot.Cli.Exec;

/// <summary>Asks another process to end.</summary>
internal static partial class ChildSignal
{
    private const int SigTerm = 15;

    public static void Terminate(int processId) => _ = Kill(processId, SigTerm);

    [LibraryImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Kill(int processId, int signal);
}
