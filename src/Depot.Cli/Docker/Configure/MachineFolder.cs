namespace Depot.Cli.Docker.Configure;

/// <summary>What every user of a machine must be able to reach.</summary>
internal static class MachineFolder
{
    private const UnixFileMode ForAll = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>Makes the folder, and those above it, for everybody, whatever the mask of who runs this takes away.</summary>
    public static void Make(string path)
    {
        if (OperatingSystem.IsWindows() || Directory.Exists(path))
        {
            return;
        }

        Make(Path.GetDirectoryName(path)!);
        Directory.CreateDirectory(path);
        File.SetUnixFileMode(path, ForAll);
    }

    /// <summary>A program in root's home, where the installer puts it by default, is nothing that a link can lead other users to.</summary>
    /// <exception cref="CliException">Others cannot run it.</exception>
    public static void CheckRunsForAll(string program)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        for (var path = program; path is not null; path = Path.GetDirectoryName(path))
        {
            if (!File.GetUnixFileMode(path).HasFlag(UnixFileMode.OtherExecute))
            {
                throw new CliException($"could not configure Docker: other users of this machine cannot run {program}: {path} is closed to them")
                {
                    Remedy = "Put depot where everybody can run it, with DEPOT_INSTALL_DIR=/usr/local/bin for the installer, and call that one.",
                };
            }
        }
    }
}
