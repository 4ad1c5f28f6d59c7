using Depot.Cli.ControlPlane;
using Depot.Cli.Flags;
using Depot.Cli.Settings;

namespace Depot.Cli.Login;

/// <summary><c>depot login</c>: keeps a token for the commands to come.</summary>
internal static class LoginCommand
{
    private sealed class Arguments
    {
        public bool Clear { get; set; }

        public string Organization { get; set; } = "";

        public bool Quiet { get; set; }

        public string? Token { get; set; }
    }

    public static CliCommand Create() => new()
    {
        Name = "login",
        Summary = "Sign in to the server",
        Flags = () => Table(new Arguments()),
        Run = RunAsync,
        Children =
        [
            new CliCommand { Name = "token", Summary = "Print the stored API token", Run = PrintTokenAsync },
        ],
    };

    private static FlagTable Table(Arguments into) => new FlagTable()
        .Switch("clear", null, "Forget the stored token first", value => into.Clear = value)
        .Text("org-id", null, "The organization to work in", value => into.Organization = value)
        .Switch("quiet", 'q', "Say nothing when you are logged in already", value => into.Quiet = value)
        .Text("token", null, "API token to store; - reads it from standard input, which keeps it out of the process list", value => into.Token = value);

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new Arguments();
        Table(arguments).ParseAll("depot login", words, cli.Warn);
        var organization = arguments.Organization.Length > 0 ? arguments.Organization : null;
        if (arguments.Clear)
        {
            DeviceLogin.Store(cli, ServerLogin.None);
        }
        else if (arguments.Token is null && await IsLoggedInAsync(cli, cancellation))
        {
            cli.Output.Write(arguments.Quiet ? "" : "You are already logged in.\n");
            return ExitCode.Done;
        }

        if (arguments.Token is { } token)
        {
            await KeepAsync(cli, await ReadAsync(cli, token, cancellation), organization, cancellation);
        }
        else
        {
            await DeviceLogin.RunAsync(cli, organization, cancellation);
        }

        cli.Output.WriteLine("Successfully authenticated!");
        return ExitCode.Done;
    }

    /// <summary>A stored token that the server no longer takes is no login.</summary>
    private static async Task<bool> IsLoggedInAsync(CliContext cli, CancellationToken cancellation)
    {
        if (cli.Settings.StoredLogin.Token is not { } stored)
        {
            return false;
        }

        try
        {
            await CheckAsync(cli, Credentials.Of(stored, cli.Settings.ConfigPath), cancellation);
            return true;
        }
        catch (ApiException refused) when (refused.Code == "unauthenticated")
        {
            cli.Error.WriteLine("The stored token is no longer valid.");
            return false;
        }
    }

    private static async Task<string> ReadAsync(CliContext cli, string token, CancellationToken cancellation)
    {
        if (token == "-")
        {
            using var reader = new StreamReader(cli.Terminal.In);
            token = (await reader.ReadToEndAsync(cancellation)).Trim();
        }

        return token.Length > 0 ? token : throw new CliException("no token given") { Remedy = "Run `depot login --token TOKEN`; `slipway admin token create` makes one." };
    }

    /// <summary>A token that the server refuses is not worth keeping.</summary>
    private static async Task KeepAsync(CliContext cli, string token, string? organization, CancellationToken cancellation)
    {
        await CheckAsync(cli, Credentials.Of(token, "--token"), cancellation);
        DeviceLogin.Store(cli, new ServerLogin(token, organization));
    }

    private static async Task CheckAsync(CliContext cli, Credentials credentials, CancellationToken cancellation)
    {
        using var owned = credentials;
        await using var api = cli.OpenApi();
        await api.ListProjectsAsync(owned, cancellation);
    }

    private static Task<int> PrintTokenAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        new FlagTable().ParseAll("depot login token", words, cli.Warn);
        cli.Output.WriteLine(cli.Settings.StoredLogin.Token
            ?? throw new CliException("not logged in: no Depot API token found, please run `depot login`"));
        return Task.FromResult(ExitCode.Done);
    }
}
