using System.Text.Json;
using Slipway.Server.Builds;
using BuildStatus = Slipway.Contract.Depot.Cli.V1.BuildStatus;

namespace Slipway.Server.Pages;

/// <summary>A list of builds, with what narrows it and the way to older ones.</summary>
internal static class BuildTable
{
    private const int PageSize = 50;
    private static readonly (string Value, string Words)[] Statuses =
        [("", "any"), .. new[] { BuildStatus.Running, BuildStatus.Finished, BuildStatus.Failed, BuildStatus.Canceled }.Select(one => BuildText.Status((long)one)).Select(word => (word, word))];

    private static readonly (string Value, string Words)[] Spans = [("", "ever"), ("1", "the last hour"), ("24", "24 hours"), ("168", "7 days"), ("720", "30 days")];

    /// <param name="path">Of the page that the list is on.</param>
    /// <exception cref="Contract.Connect.ApiException">The page token is none of this server's.</exception>
    public static Html Of(HttpContext http, ListBuilds list, BuildFilter all, string path, long now)
    {
        var asked = http.Request.Query;
        var (status, by, hours) = (asked["status"].ToString(), asked["by"].ToString().Trim(), asked["since"].ToString());
        var filter = all with
        {
            Status = Array.FindIndex(Statuses, one => one.Value == status) is > 0 and var known ? known : 0,
            By = by,
            Since = int.TryParse(hours, out var span) && span > 0 ? now - (span * 3_600_000L) : 0,
        };
        var (builds, next) = list.Page(filter, PageSize, asked["after"].ToString());
        var narrowed = status.Length + by.Length + hours.Length > 0;
        return Html.Of(
            $"""
            <form class="filter" method="get" action="{path}" role="search">
            {new Field("status", "Status") { Choices = Statuses, Value = status, IsQuestion = true }.Render()}
            {new Field("by", "Started by") { Value = by, Type = "search", IsQuestion = true }.Render()}
            {new Field("since", "Since") { Choices = Spans, Value = hours, IsQuestion = true }.Render()}
            <button class="quiet">Show</button>
            </form>
            {Rows(builds, !all.IsOfProject, narrowed, now)}
            {Older(path, next, ("status", status), ("by", by), ("since", hours))}
            """);
    }

    /// <summary>"buildkite acme/app, main": who, without how they got in, which is on the build's own page.</summary>
    public static string WhoOf(Build build)
    {
        var who = build.StartedBy.Split(" through ", 2)[0];
        var origin = OriginOf(build);
        return (origin.GetValueOrDefault("branch") ?? origin.GetValueOrDefault("ref")) is { } branch ? $"{who}, {branch}" : who;
    }

    public static IReadOnlyDictionary<string, string> OriginOf(Build build) =>
        JsonSerializer.Deserialize<Dictionary<string, string>>(build.Origin) ?? [];

    public static Html Status(Build build)
    {
        var status = BuildText.Status(build.Status);
        return Html.Of($"""<span class="status {status}">{status}</span>""");
    }

    private static Html Rows(IReadOnlyList<Build> builds, bool withProject, bool narrowed, long now) => PageTable.Of(
        "Builds, newest first",
        withProject ? ["Build", "Status", "Project", "By", "Started", "Took"] : ["Build", "Status", "By", "Started", "Took"],
        builds.Select(build => Row(build, withProject, now)),
        narrowed ? Html.Of($"No build is like this.") : Html.Of($"None yet. In a folder with a Dockerfile: <code>depot build .</code>"));

    private static Html[] Row(Build build, bool withProject, long now) =>
    [
        Html.Of($"""<a href="/builds/{build.Id}"><code>{build.Id}</code></a>"""),
        Status(build),
        .. withProject ? [Html.Of($"""<a href="/projects/{build.ProjectId}">{build.ProjectName}</a>""")] : Array.Empty<Html>(),
        PageTable.Text(WhoOf(build)),
        PageText.Ago(build.CreatedAt, now),
        PageTable.Text(build.IsRunning ? "" : PageText.Duration(build.CreatedAt, build.FinishedAt)),
    ];

    /// <summary>The way to what comes after, with what narrows the list.</summary>
    public static Html Older(string path, string after, params (string Name, string Value)[] narrowing)
    {
        if (after.Length == 0)
        {
            return Html.Nothing;
        }

        var query = QueryString.Create(narrowing.Append(("after", after)).Where(part => part.Item2.Length > 0)
            .Select(part => KeyValuePair.Create<string, string?>(part.Item1, part.Item2)));
        return Html.Of($"""<p class="pages"><a href="{path}{query.Value}" rel="next">Older ones</a></p>""");
    }
}
