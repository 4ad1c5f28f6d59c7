using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Depot.Cli.Docker.Plugin;

/// <summary>Lets another program take this process over: same number, same terminal, same signals, and its exit code is ours.</summary>
internal static partial class ProcessImage
{
    /// <summary>Returns only by throwing.</summary>
    /// <param name="environment">As <c>NAME=value</c>.</param>
    [UnsupportedOSPlatform("windows")]
    public static void Replace(string program, IEnumerable<string> arguments, IEnumerable<string> environment)
    {
        Execute(program, [program, .. arguments, null], [.. environment, null]);
        throw new CliException($"cannot run {program}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
    }

    [UnsupportedOSPlatform("windows")]
    [LibraryImport("libc", EntryPoint = "execve", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Execute(string path, string?[] arguments, string?[] environment);
}
