using Depot.Cli.Docker.Plugin;
using Depot.Cli.Flags;
using Depot.Cli.Settings;

namespace Depot.Cli.Docker.Configure;

/// <summary><c>depot configure-docker</c>: from now on <c>docker build</c>, <c>docker buildx build|bake</c> and <c>docker compose build</c> run on the
/// remote builders.</summary>
/// <remarks>Needs no Docker daemon and no server. Every build finds its token as <c>depot build</c> does; none is written anywhere.</remarks>
internal static class ConfigureDockerCommand
{
    public static CliCommand Create() => new()
    {
        Name = "configure-docker",
        Arguments = "[OPTIONS]",
        Summary = "Let docker build, docker buildx and docker compose use the remote builders",
        Flags = () => Table(new Arguments()),
        Run = RunAsync,
    };

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new Arguments();
        if (Table(arguments).Parse(words, cli.Warn) is [var unexpected, ..])
        {
            throw new CliException($"configure-docker takes no argument: {GoText.Quote(unexpected)}");
        }

        if (OperatingSystem.IsWindows())
        {
            throw NotOnWindows();
        }

        try
        {
            await (arguments.System ? ChangeAsync(cli, arguments, PluginFolders.System, PluginInstallation.ForMachine(), cancellation)
                : ChangeAsync(cli, arguments, cli.Settings.DockerConfigFolder, PluginInstallation.ForUser(cli.Settings), cancellation));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"could not configure Docker: {problem.Message}", inner: problem)
            {
                Remedy = arguments.System ? "--system changes the whole machine: run it as root." : "Set DOCKER_CONFIG to a folder that you may write to.",
            };
        }

        if (!arguments.Uninstall)
        {
            await WarnAsync(cli, cancellation);
        }

        return ExitCode.Done;
    }

    /// <summary>Docker's plugins are links to this program, which Windows lets only administrators make.</summary>
    internal static CliException NotOnWindows() => new("depot is no plugin of Docker's on Windows")
    {
        Remedy = "Use `depot build` and `depot bake` there, or Docker inside WSL with the client for Linux.",
    };

    private static async Task ChangeAsync(
        CliContext cli, Arguments arguments, string folder, PluginInstallation installation, CancellationToken cancellation)
    {
        if (arguments.Uninstall && !Directory.Exists(folder))
        {
            cli.Output.WriteLine("Successfully uninstalled the Depot Docker CLI plugin");
            return;
        }

        if (arguments is { System: true, Uninstall: false })
        {
            MachineFolder.CheckRunsForAll(Environment.ProcessPath!);
        }

        MakeFolders(cli.Settings, arguments.System);
        using var held = await FolderLock.TakeAsync(folder, cli.Clock, cancellation);
        if (arguments.Uninstall)
        {
            installation.Uninstall();
            held.Remove();
            cli.Output.WriteLine("Successfully uninstalled the Depot Docker CLI plugin");
        }
        else
        {
            installation.Install(arguments.Project);
            cli.Output.WriteLine("Successfully installed Depot as a Docker CLI plugin");
        }
    }

    /// <summary>A user's folder holds registry passwords: it is made for its owner only.</summary>
    private static void MakeFolders(CliSettings settings, bool system)
    {
        if (system)
        {
            MachineFolder.Make(PluginFolders.System);
            return;
        }

        OwnerOnly.CreateFolder(settings.DockerConfigFolder);
        Directory.CreateDirectory(PluginFolders.Of(settings));
    }

    private static async Task WarnAsync(CliContext cli, CancellationToken cancellation)
    {
        if (PluginFolders.Find(cli.Settings, PluginCall.Buildx) is { } first && !PluginFolders.IsOurs(first))
        {
            cli.Warn($"Docker finds {first} before the plugin that was just installed: docker still builds with that one. Remove it, or install for that folder's owner (configure-docker without --system).");
        }

        if (cli.Settings.UsesBuildKit == false)
        {
            cli.Warn("DOCKER_BUILDKIT=0 is set: docker build then uses Docker's own, older builder on this machine. Unset it.");
        }

        if (await ComposeVersion.FindAsync(cli.Settings, cancellation) is { HandsBuildsOver: false } compose)
        {
            cli.Warn($"docker compose {compose.Text} builds by itself, on this machine: versions from {ComposeVersion.FirstText} on hand their builds over. Upgrade it.");
        }
    }

    private static FlagTable Table(Arguments into) => new FlagTable()
        .Text("project", null, "Project of builds that name none", value => into.Project = value.Length > 0 ? value : null)
        .Switch("system", null, "Configure the Docker of every user of this machine (as root)", value => into.System = value)
        .Add(new Flag("token", null, "string", "", _ => { })
        {
            Hidden = true,
            Warning = "the token is not stored: set DEPOT_TOKEN or run `depot login`, and every build finds it there.",
        })
        .Switch("uninstall", null, "Give Docker back as it was", value => into.Uninstall = value);

    private sealed class Arguments
    {
        public string? Project { get; set; }

        public bool System { get; set; }

        public bool Uninstall { get; set; }
    }
}
