using System.Globalization;
using Depot.Cli.ControlPlane;
using Depot.Cli.Rendering;
using Depot.Cli.Settings;
using Slipway.Contract.Depot.Cli.V1;
using BuildRow = Slipway.Contract.Depot.Cli.V1.Build;

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
        Flags = () => new ListArguments().TableOfProject(),
        Run = RunAsync,
    };

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new ListArguments();
        arguments.TableOfProject().ParseAll("depot list builds", words, cli.Warn);
        var format = Listing.ParseFormat(arguments.Output, cli);
        var project = ProjectChoice.Require(arguments.Project, cli, []);
        using var credentials = Credentials.Resolve(arguments.Token, cli);
        await using var api = cli.OpenApi();
        var request = new ListBuildsRequest { ProjectId = project, PageSize = PageSize };
        var builds = (await api.ListBuildsAsync(request, credentials, cancellation)).Builds;
        return Listing.Write(cli, format, Describe(builds, cli.Clock.GetUtcNow()));
    }

    public static Table<BuildRow> Describe(IReadOnlyList<BuildRow> builds, DateTimeOffset now) => new(
        [
            new("Build ID", "id", build => build.Id),
            new("Status", "status", build => Name(build.Status)),
            new("Started", "startTime", StartOf),
            TableColumn<BuildRow>.OfNumber(
                "Duration (s)", "duration", build => (long)((build.FinishedAt?.ToDateTimeOffset() ?? now) - Started(build)).TotalSeconds),
            new("Trust", "trust", build => build.Untrusted ? "untrusted" : "trusted") { IsInCsv = false },
        ],
        builds);

    public static string StartOf(BuildRow build) => Started(build).ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    private static DateTimeOffset Started(BuildRow build) => build.CreatedAt?.ToDateTimeOffset() ?? default;

    private static string Name(BuildStatus status) => status switch
    {
        BuildStatus.Running => "running",
        BuildStatus.Finished => "finished",
        BuildStatus.Failed => "failed",
        BuildStatus.Canceled => "canceled",
        _ => "unspecified",
    };
}
