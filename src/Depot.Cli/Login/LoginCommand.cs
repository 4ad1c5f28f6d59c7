using Depot.Cli.Flags;


namespace Depot.Cli.Login;

/// <summary><c>depot login</c>: keeps a token for the commands to come.</summary>
internal static class LoginCommand
{
    public static CliCommand Create() => new()
    {
        Name = "login",
        Summary = "Sign in with an API token",
        Flags = () => Table(_ => { }),
        Run = RunAsync,
    };

    private static FlagTable Table(Action<string> token) => new FlagTable()
        .Text("token", null, "API token to store; - reads it from standard input, which keeps it out of the process list", token);

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var token = "";
        Table(value => token = value).Parse(words, cli.Warn);
        if (token == "-")
        {
            using var reader = new StreamReader(cli.Terminal.In);
            token = (await reader.ReadToEndAsync(cancellation)).Trim();
        }

        if (token.Length == 0)
        {
            if (cli.Settings.Config.ApiToken is not null)
            {
                await cli.Output.WriteLineAsync("You are already logged in.");
                return ExitCode.Done;
            }

            throw new CliException("no token given") { Remedy = "Run `depot login --token TOKEN`; `slipway admin token create` makes one." };
        }

        await using (var api = cli.OpenApi())
        {
            // A token that the server refuses is not worth keeping.
            await api.ListProjectsAsync(token, cancellation);
        }

        (cli.Settings.Config with { ApiToken = token }).Write(cli.Settings.ConfigPath);
        await cli.Output.WriteLineAsync("Successfully authenticated!");
        return ExitCode.Done;
    }
}
