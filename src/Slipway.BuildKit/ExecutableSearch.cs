namespace Slipway.BuildKit;

/// <summary>Finds a program in the folders of a PATH value.</summary>
internal static class ExecutableSearch
{
    private const UnixFileMode AnyExecute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>Windows starts these by their names without it. Scripts (<c>.cmd</c>) read their arguments in ways of their own and are left out.</summary>
    private const string WindowsSuffix = ".exe";

    /// <summary>The file to start for <paramref name="program"/>, or null. A name with a slash is no program of PATH.</summary>
    public static string? Find(string program, string? searchPath)
    {
        if (searchPath is null || program.AsSpan().IndexOfAny('/', Path.DirectorySeparatorChar) >= 0)
        {
            return null;
        }

        return searchPath.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? program + WindowsSuffix : program))
            .FirstOrDefault(IsExecutable);
    }

    private static bool IsExecutable(string path) =>
        File.Exists(path) && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & AnyExecute) != 0);
}
