using Depot.Cli.Settings;

namespace Depot.Cli.Docker.Configure;

/// <summary>This program as Docker's builder: two links in a plugin folder, and an alias in the settings of one user.</summary>
/// <param name="folder">The plugin folder.</param>
/// <param name="settings">The user's settings; null for a whole machine, which has none.</param>
/// <param name="program">What the links point to.</param>
internal sealed class PluginInstallation(string folder, DockerSettingsFile? settings, string program)
{
    private readonly string _buildx = Path.Combine(folder, "docker-buildx");
    private readonly string _depot = Path.Combine(folder, "docker-depot");
    private readonly string _original = Path.Combine(folder, PluginFolders.OriginalBuildx);

    public static PluginInstallation ForUser(CliSettings settings) =>
        new(PluginFolders.Of(settings), new DockerSettingsFile(settings.DockerConfigFolder), Environment.ProcessPath!);

    public static PluginInstallation ForMachine() => new(PluginFolders.System, null, Environment.ProcessPath!);

    /// <summary>May be called again, after an update of this program or of anything else.</summary>
    public void Install(string? projectId)
    {
        var known = InstallRecord.Read(folder);
        var record = new InstallRecord
        {
            CreatedSettings = known?.CreatedSettings ?? settings is { Exists: false },
            PreviousBuilder = known is not null && settings is not { IsSet: false } ? known.PreviousBuilder : settings?.Builder,
            ProjectId = projectId ?? known?.ProjectId,
        };
        record.Write(folder);
        if (Exists(_buildx) && !PluginFolders.IsOurs(_buildx))
        {
            // Moved as it is: a link stays a link.
            File.Move(_buildx, _original, overwrite: true);
        }

        LinkTo(_buildx);
        LinkTo(_depot);
        if (settings is { IsSet: false })
        {
            settings.Set();
        }
    }

    /// <summary>Gives everything back as it was found. What somebody else has put in our place stays.</summary>
    public void Uninstall()
    {
        if (InstallRecord.Read(folder) is { } record && settings is { Exists: true, IsSet: true } && record.PreviousBuilder != "buildx")
        {
            settings.Restore(record.PreviousBuilder, record.CreatedSettings);
        }

        Unlink(_depot);
        Unlink(_buildx);
        if (Exists(_original) && !Exists(_buildx))
        {
            File.Move(_original, _buildx);
        }

        InstallRecord.Delete(folder);
    }

    private void LinkTo(string path)
    {
        if (new FileInfo(path).LinkTarget != program)
        {
            WholeFile.Link(path, program);
        }
    }

    private static void Unlink(string path)
    {
        if (Exists(path) && PluginFolders.IsOurs(path))
        {
            File.Delete(path);
        }
    }

    /// <summary>A link counts even when its target is gone.</summary>
    private static bool Exists(string path) => File.Exists(path) || new FileInfo(path).LinkTarget is not null;
}
