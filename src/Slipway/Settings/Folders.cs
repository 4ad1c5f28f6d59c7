namespace Slipway.Settings;

/// <summary>Where data lies when nobody says otherwise.</summary>
internal static class Folders
{
    public static string Server => IsRoot ? "/var/lib/slipway" : Path.Combine(Home, ".local/share/slipway");

    public static string Builder => IsRoot ? "/var/lib/slipway-builder" : Path.Combine(Home, ".local/share/slipway-builder");

    /// <summary>What <c>./build</c> puts beside this program; null where it was not put there.</summary>
    public static string? Downloads => Path.Combine(AppContext.BaseDirectory, "downloads") is var folder && Directory.Exists(folder) ? folder : null;

    private static bool IsRoot => !OperatingSystem.IsWindows() && Environment.IsPrivilegedProcess;

    private static string Home => SlipwaySettings.Home ?? Environment.CurrentDirectory;
}
