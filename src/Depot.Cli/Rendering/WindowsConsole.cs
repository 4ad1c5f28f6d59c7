using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Depot.Cli.Rendering;

/// <summary>Windows' console, told to take the sequences and the UTF-8 that other systems' terminals take.</summary>
[SupportedOSPlatform("windows")]
internal static partial class WindowsConsole
{
    private const int StandardInput = -10;
    private const int StandardOutput = -11;
    private const int StandardError = -12;

    // consoleapi.h
    private const uint ProcessedOutput = 1;
    private const uint VirtualTerminal = 4;
    private const uint Utf8 = 65001;

    public static Terminal Open(TerminalOptions options)
    {
        var (input, output, error) = (IsConsole(StandardInput), IsConsole(StandardOutput), IsConsole(StandardError));
        if (output || error)
        {
            _ = SetOutputCodePage(Utf8);
        }

        return new Terminal
        {
            In = Console.OpenStandardInput(),
            Out = Console.OpenStandardOutput(),
            Err = Console.OpenStandardError(),
            InIsTerminal = input,
            OutIsTerminal = output && TakesSequences(StandardOutput),
            ErrIsTerminal = error && TakesSequences(StandardError),
            Options = options,
            Size = ConsoleSize.Read,
        };
    }

    private static bool IsConsole(int stream) => GetMode(GetStandardHandle(stream), out _);

    /// <summary>False for the console of a Windows before 10, where progress is printed line by line.</summary>
    private static bool TakesSequences(int stream)
    {
        var handle = GetStandardHandle(stream);
        return GetMode(handle, out var mode) && SetMode(handle, mode | ProcessedOutput | VirtualTerminal);
    }

    [LibraryImport("kernel32", EntryPoint = "GetStdHandle")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial nint GetStandardHandle(int stream);

    [LibraryImport("kernel32", EntryPoint = "GetConsoleMode")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetMode(nint handle, out uint mode);

    [LibraryImport("kernel32", EntryPoint = "SetConsoleMode")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool SetMode(nint handle, uint mode);

    [LibraryImport("kernel32", EntryPoint = "SetConsoleOutputCP")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool SetOutputCodePage(uint page);
}
