using Depot.Cli.Flags;
using Depot.Cli.Settings;

namespace Depot.Cli.Login;

/// <summary><c>depot logout</c>: forgets the stored token. The server is not told: the token may be in use elsewhere.</summary>
internal static class LogoutCommand
{
    public static CliCommand Create() => new()
    {
        Name = "logout",
        Summary = "Forget the stored API token",
        Run = (cli, words, _) =>
        {
            new FlagTable().ParseAll("depot logout", words, cli.Warn);
            if (File.Exists(cli.Settings.ConfigPath))
            {
                DeviceLogin.Store(cli, ServerLogin.None);
            }

            cli.Output.WriteLine("Logout successful!");
            return Task.FromResult(ExitCode.Done);
        },
    };
}
