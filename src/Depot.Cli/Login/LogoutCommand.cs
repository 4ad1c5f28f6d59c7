using Depot.Cli.Flags;

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
            new FlagTable().Parse(words, cli.Warn);
            if (File.Exists(cli.Settings.ConfigPath))
            {
                (cli.Settings.Config with { ApiToken = null, OrganizationId = null }).Write(cli.Settings.ConfigPath);
            }

            cli.Output.WriteLine("Logout successful!");
            return Task.FromResult(ExitCode.Done);
        },
    };
}
