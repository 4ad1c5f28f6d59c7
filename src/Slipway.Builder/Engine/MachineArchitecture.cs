using System.Runtime.InteropServices;

namespace Slipway.Builder.Engine;

/// <summary>This machine's architecture, by the name that image platforms use.</summary>
internal static class MachineArchitecture
{
    public static string Name { get; } = RuntimeInformation.OSArchitecture switch
    {
        Architecture.X64 => "amd64",
        Architecture.Arm64 => "arm64",
        var other => other.ToString().ToLowerInvariant(),
    };
}
