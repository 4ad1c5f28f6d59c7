using System.Globalization;

namespace Slipway.Builder.Engine;

/// <summary>Architectures whose programs the kernel hands to an emulator (binfmt_misc; the kernel's
/// Documentation/admin-guide/binfmt-misc.rst gives the format of its files).</summary>
internal static class Emulators
{
    /// <summary>Where the kernel lists its handlers.</summary>
    public const string Folder = "/proc/sys/fs/binfmt_misc";

    /// <summary>Offset of e_machine in an ELF header, and its values (System V ABI; elf.h).</summary>
    private const int MachineOffset = 18;

    private static readonly Dictionary<int, string> Machines = new() { [0x3e] = "amd64", [0xb7] = "arm64" };

    /// <summary>Only handlers with flag F count: their emulator is open already, so that it is found in a build step's file system too.</summary>
    public static IReadOnlyList<string> Find(string folder = Folder)
    {
        try
        {
            return [.. Directory.EnumerateFiles(folder).Select(Read).Select(Target).OfType<string>().Distinct().Order(StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not mounted: no emulation.
            return [];
        }
    }

    private static string[] Read(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The file "register" can only be written; a handler may just have been removed.
            return [];
        }
    }

    private static string? Target(string[] lines)
    {
        string? Value(string name) => lines.FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?[name.Length..].Trim();
        var isOn = lines is ["enabled", ..] && Value("flags:")?.Contains('F', StringComparison.Ordinal) == true && Value("offset ") is "0";
        return isOn && Value("magic ") is { Length: >= (MachineOffset + 2) * 2 } magic && magic.StartsWith("7f454c46", StringComparison.Ordinal)
            && int.TryParse(magic.AsSpan(MachineOffset * 2, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var machine)
            ? Machines.GetValueOrDefault(machine)
            : null;
    }
}
