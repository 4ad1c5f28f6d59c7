using Depot.Cli.ControlPlane;
using Depot.Cli.Settings;

namespace Depot.Cli.Images;

/// <summary><c>depot pull-token</c>: a password of an hour for <c>docker login</c>.</summary>
internal static class PullTokenCommand
{
    public static CliCommand Create() => new()
    {
        Name = "pull-token",
        Arguments = "[flags] ([buildID])",
        Summary = "Create a new pull token for the server's registry",
        Flags = () => new ListArguments().ProjectAndToken(),
        Run = RunAsync,
    };

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new ListArguments();
        var rest = arguments.ProjectAndToken().ParseAll("depot pull-token", words, cli.Warn, max: 1);
        var build = rest is [var id] ? id : "";

        // Of a build's own project: the folder where somebody happens to be may be another one's.
        var project = build.Length > 0 ? arguments.Project : ProjectChoice.Find(arguments.Project, cli.Settings, cli.WorkingFolder, [], cli.Warn) ?? "";
        using var credentials = Credentials.Resolve(arguments.Token, cli);
        await using var api = cli.OpenImageApi();
        cli.Output.WriteLine((await api.GetPullTokenAsync(project, build, credentials, cancellation)).Token);
        return ExitCode.Done;
    }
}
