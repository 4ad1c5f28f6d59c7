namespace Slipway.BuildKit;

/// <summary>Finds a program in the folders of a PATH value.</summary>
internal static class ExecutableSearch
{
    private const UnixFileMode AnyExecute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>The file to start for <paramref name="program"/>, or null. A name with a slash is no program of PATH.</summary>
    public static string? Find(string program, string? searchPath)
    {
        if (searchPath is null || program.Contains('/', StringComparison.Ordinal))
        {
            return null;
        }

        foreach (var folder in searchPath.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
        {
            var candidate = Path.Combine(folder, program);
            if (File.Exists(candidate) && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(candidate) & AnyExecute) != 0))
            {
                return candidate;
            }
        }

        return null;
    }
}
