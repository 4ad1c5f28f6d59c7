using System.Globalization;
using Depot.Cli.ControlPlane;
using Depot.Cli.Flags;
using Depot.Cli.Settings;
using Slipway.Contract.Depot.Cli.V1;

namespace Depot.Cli.Builds;

/// <summary><c>depot list builds</c>.</summary>
internal static class ListBuildsCommand
{
    private const int PageSize = 100;

    public static CliCommand Create() => new()
    {
        Name = "builds",
        Aliases = ["b"],
        Summary = "List a project's builds, the newest first",
        Flags = () => Table(new ListArguments()),
        Run = RunAsync,
    };

    private static FlagTable Table(ListArguments into) => new FlagTable()
        .Text("output", null, "Non-interactive output format (json, csv)", value => into.Output = value)
        .Text("project", null, "Depot project ID", value => into.Project = value)
        .Text("token", null, "Depot API token", value => into.Token = value);

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new ListArguments();
        Table(arguments).Parse(words, cli.Warn);
        var format = Listing.ParseFormat(arguments.Output, cli);
        var project = ProjectChoice.Find(arguments.Project, cli.Settings, cli.WorkingFolder, [], cli.Warn)
            ?? throw new CliException("unknown project ID (run `depot init` or use --project or $DEPOT_PROJECT_ID)");
        var credentials = Credentials.Resolve(arguments.Token, cli.Settings);
        await using var api = cli.OpenApi();
        var request = new ListBuildsRequest { ProjectId = project, PageSize = PageSize };
        var listing = new Listing(["Build ID", "Status", "Started", "Duration (s)"], ["id", "status", "startTime", "duration"]);
        foreach (var build in (await api.ListBuildsAsync(request, credentials.Token, cancellation)).Builds)
        {
            var started = build.CreatedAt?.ToDateTimeOffset() ?? default;
            var ended = build.FinishedAt?.ToDateTimeOffset() ?? cli.Clock.GetUtcNow();
            listing.Add(build.Id, Name(build.Status), started.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture), (long)(ended - started).TotalSeconds);
        }

        listing.Write(format, cli.Output);
        return ExitCode.Done;
    }

    private static string Name(BuildStatus status) => status switch
    {
        BuildStatus.Running => "running",
        BuildStatus.Finished => "finished",
        BuildStatus.Failed => "failed",
        BuildStatus.Canceled => "canceled",
        _ => "unspecified",
    };
}
