using Depot.Cli.ControlPlane;
using Depot.Cli.Flags;
using Depot.Cli.Settings;

namespace Depot.Cli.Cache;

/// <summary><c>depot cache reset</c>.</summary>
internal static class ResetCacheCommand
{
    public static CliCommand Create() => new()
    {
        Name = "reset",
        Arguments = "[flags] [<dir>]",
        Summary = "Empty a project's build cache",
        Flags = () => Table(new ListArguments()),
        Run = RunAsync,
    };

    private static FlagTable Table(ListArguments into) => new FlagTable()
        .Text("project", null, "The project whose cache to reset", value => into.Project = value)
        .Text("token", null, "Depot API token", value => into.Token = value);

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new ListArguments();
        var rest = Table(arguments).ParseAll("depot cache reset", words, cli.Warn, max: 1);
        var project = ProjectChoice.Require(arguments.Project, cli, rest);
        using var credentials = Credentials.Resolve(arguments.Token, cli);
        await using var api = cli.OpenAccountApi();
        var reset = await api.ResetCacheAsync(project, credentials, cancellation);
        cli.Output.WriteLine($"Cache reset for {reset.Name} ({reset.OrgName})");
        return ExitCode.Done;
    }
}
