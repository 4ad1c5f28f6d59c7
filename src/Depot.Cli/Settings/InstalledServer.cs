namespace Depot.Cli.Settings;

/// <summary><c>depot.server</c>, beside the program itself: the server whose installer put both there.</summary>
/// <remarks>Whoever may write this file is sent the caller's token, so it counts only where nobody but the program's own keepers may.</remarks>
internal static class InstalledServer
{
    public const string FileName = "depot.server";

    /// <summary>The path beside <paramref name="program"/>, where links to it lead: Docker runs its plugins through one.</summary>
    public static string? PathBeside(string? program)
    {
        if (program is null)
        {
            return null;
        }

        var real = File.ResolveLinkTarget(program, returnFinalTarget: true)?.FullName ?? program;
        var path = Path.Combine(Path.GetDirectoryName(real)!, FileName);
        return File.Exists(path) ? path : null;
    }

    public static string? Read(string path)
    {
        if (IsOpenToAll(path) || IsOpenToAll(Path.GetDirectoryName(path)!))
        {
            throw new CliException($"{path} names depot's server, but every user of this machine may change it")
            {
                Remedy = "Install depot into a folder that only its owner may write to, or set DEPOT_API_URL.",
            };
        }

        try
        {
            return File.ReadLines(path).Select(line => line.Trim()).FirstOrDefault(line => line is not "" and not ['#', ..]);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"could not read {path}, which names depot's server: {problem.Message}") { Remedy = "Set DEPOT_API_URL instead." };
        }
    }

    private static bool IsOpenToAll(string path) => !OperatingSystem.IsWindows() && File.GetUnixFileMode(path).HasFlag(UnixFileMode.OtherWrite);
}
