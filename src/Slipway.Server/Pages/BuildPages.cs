using System.Text.Json;
using Slipway.Server.Access;
using Slipway.Server.Builders;
using Slipway.Server.Builds;
using Slipway.Server.Records;
using Slipway.Server.Storage;
using Slipway.Server.Trust;

namespace Slipway.Server.Pages;

/// <summary>One build: what it did, why it failed, and everything that it printed.</summary>
internal static class BuildPages
{
    private const int TailMax = 25;
    private const int WarningsMax = 100;

    public static void MapBuilds(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/builds/{id}", (HttpContext http, BuildStore builds, BuilderStore builders, RecordStore records, LiveStreams streams, TimeProvider clock, string id) =>
            Show(http, Find(http, builds, id), builds, builders, records, streams, clock));
        pages.MapGet("/builds/{id}/log", (HttpContext http, BuildStore builds, RecordStore records, string id) => Log(http, Find(http, builds, id), records));
        pages.MapGet("/builds/{id}/log.txt", (HttpContext http, BuildStore builds, RecordStore records, string id) => Download(http, Find(http, builds, id), records));
    }

    private static Build Find(HttpContext http, BuildStore builds, string id)
    {
        var build = builds.Find(id);
        AccessControl.Authorize(PageGate.Here(http).Caller, CallerAction.ReadBuilds, Resource.Of(id, build));
        return build!;
    }

    private static IResult Show(
        HttpContext http, Build build, BuildStore builds, BuilderStore builders, RecordStore records, LiveStreams streams, TimeProvider clock)
    {
        var (steps, stays, now) = (records.ListSteps(build.Id), builds.ListAdmissions(build.Id), clock.Now());
        var story = new BuildStory(build, steps, stays, now);
        var follows = build.IsRunning && http.Request.Query["follow"] != "no";
        var room = follows ? streams.TryEnter(PageGate.Here(http).SessionHash) : null;
        var page = PageOf(
            build,
            "",
            Html.Of(
                $"""
                <p class="lead">{BuildTable.Status(build)} {story.Sentence}</p>
                {Failure(build, story, records)}
                {Facts(build, story, stays, builders)}
                {Warnings(records.ListWarnings(build.Id, WarningsMax))}
                <h2>Steps</h2>
                {StepTable.Of(build, steps, now)}
                <h2>Log</h2>
                {Following(build, follows, room is not null)}
                {(room is null ? Lines(http, build, records, null) : Html.Nothing)}
                """));
        return room is null ? page : ActivatorUtilities.CreateInstance<LiveBuild>(http.RequestServices, page, build, room);
    }

    private static Html Following(Build build, bool wanted, bool has) => (build.IsRunning, wanted, has) switch
    {
        (false, _, _) => Html.Nothing,
        (true, _, true) => Html.Of($"""<p class="soft">Lines show up here as they come. <a href="/builds/{build.Id}?follow=no">Stand still</a></p>"""),
        (true, true, false) => Html.Of($"""<p class="note">Too many pages of running builds are open. Close some, or load this one again to see more.</p>"""),
        (true, false, false) => Html.Of($"""<p class="soft">This is how far it was. <a href="/builds/{build.Id}">Follow it</a></p>"""),
    };

    private static Page PageOf(Build build, string also, Html body) => new($"Build {build.Id}{also}", body)
    {
        Place = new Place(Place.Builds, build.OrganizationId, Trail: (build.ProjectName, $"/projects/{build.ProjectId}")),
    };

    private static Html Failure(Build build, BuildStory story, RecordStore records)
    {
        if (build.Reason.Length == 0 && story.Failed is null)
        {
            return Html.Nothing;
        }

        var error = story.Failed is { } step
            ? Html.Of(
                $"""
                <section class="failure"><h2><a href="{StepTable.LinkTo(build.Id, step)}"><code>{step.Name}</code></a></h2>
                <p class="problem">{step.Error}</p>
                {LogView.Of(records.ListLastLines(build.Id, TailMax, step), withSteps: false)}
                """)
            : Html.Of($"""<section class="failure">""");
        return Html.Of(
            $"""
            {error}
            {(build.Reason.Length == 0 || (story.Failed is { } told && build.Reason.Contains(told.Error, StringComparison.Ordinal)) ? Html.Nothing : Html.Of($"""<p class="problem">{build.Reason}</p>"""))}
            {Remedy($"{build.Reason}\n{story.Failed?.Error}")}
            </section>
            """);
    }

    private static Html Remedy(string text) => Remedies.Find(text) is not { } remedy ? Html.Nothing : Html.Of(
        $"""<p class="note"><strong>What helps:</strong> {remedy.Todo}. <span class="soft">({remedy.Meaning}.)</span></p>""");

    private static Html Facts(Build build, BuildStory story, IReadOnlyList<Admission> stays, BuilderStore builders)
    {
        var origin = BuildTable.OriginOf(build);
        var tags = JsonSerializer.Deserialize<string[]>(build.Tags) ?? [];
        return Html.Of(
            $"""
            <dl>
            <dt>Project</dt><dd><a href="/projects/{build.ProjectId}">{build.ProjectName}</a> <code>{build.ProjectId}</code></dd>
            <dt>Started</dt><dd>{PageText.Time(build.CreatedAt)} by {build.StartedBy}</dd>
            {(origin.TryGetValue(JobOrigin.Page, out var page) ? Html.Of($"""<dt>CI build</dt><dd><a href="{page}" rel="noreferrer">{page}</a></dd>""") : Html.Nothing)}
            {Html.Join(origin.Where(one => one.Key is not (JobOrigin.Page or "build")).Select(one => Html.Of($"<dt>CI {one.Key}</dt><dd>{one.Value}</dd>")))}
            <dt>Tier</dt><dd>{(build.Untrusted ? "untrusted: an engine and a cache of their own kind" : "trusted")}</dd>
            {(story.Waited is { } waited ? Html.Of($"<dt>Waited</dt><dd>{PageText.Duration(waited)} for {string.Join(", ", stays.Select(stay => $"{builders.Find(stay.BuilderId)?.Name ?? stay.BuilderId} (linux/{stay.Architecture})"))}</dd>") : Html.Nothing)}
            {(tags.Length > 0 ? Html.Of($"<dt>Tags</dt><dd>{Html.Join(tags.Select(tag => Html.Of($"<code>{tag}</code> ")))}</dd>") : Html.Nothing)}
            </dl>
            """);
    }

    private static Html Warnings(IReadOnlyList<WarningRow> warnings) => warnings.Count == 0 ? Html.Nothing : Html.Of(
        $"""
        <details class="warnings"><summary>{PageText.Many(warnings.Count, "warning")}</summary>
        <ul>{Html.Join(warnings.Select(warning => Html.Of($"<li>{warning.Text}{(warning.Url.StartsWith("https://", StringComparison.Ordinal) ? Html.Of($""" <a href="{warning.Url}" rel="noreferrer">more</a>""") : Html.Nothing)}</li>")))}</ul>
        </details>
        """);

    private static Page Log(HttpContext http, Build build, RecordStore records)
    {
        var asked = http.Request.Query["step"].ToString();
        var step = asked.Length == 0 ? null : records.ListSteps(build.Id).FirstOrDefault(one => $"{one.Architecture}/{one.Digest}" == asked);
        var place = PageOf(build, ": log", Html.Nothing).Place with { Trail = ($"Build {build.Id}", $"/builds/{build.Id}") };
        if (asked.Length > 0 && step is null)
        {
            return new Page("Not found", Html.Of($"<p>The build has no such step.</p>")) { Status = StatusCodes.Status404NotFound, Place = place };
        }

        return new Page(
            step?.Name ?? $"Log of build {build.Id}",
            Html.Of(
                $"""
                {(step is null ? Html.Nothing : Html.Of($"""<p class="lead"><span class="status {StepTable.StateOf(step)}">{StepTable.StateOf(step)}</span> {(step.StartedAt is { } from ? PageText.Duration(from, step.CompletedAt) : "")}</p>"""))}
                {(step?.Error is { Length: > 0 } error ? Html.Of($"""<p class="problem">{error}</p>""") : Html.Nothing)}
                {Lines(http, build, records, step)}
                """))
        {
            Place = place,
        };
    }

    /// <summary>A page of the log, and the ways to the others.</summary>
    private static Html Lines(HttpContext http, Build build, RecordStore records, StepRow? step)
    {
        var (after, last) = (http.Request.Query["after"].ToString(), http.Request.Query["last"].ToString().Length > 0);
        var lines = last
            ? records.ListLastLines(build.Id, LogView.PageSize, step)
            : records.ListLines(build.Id, LogView.Read(after), LogView.PageSize, step);
        var path = step is null ? $"/builds/{build.Id}/log?" : $"{StepTable.LinkTo(build.Id, step)}&";
        var isBeginning = after.Length == 0 && !last;
        var more = !last && lines.Count == LogView.PageSize;
        var dropped = records.LinesDropped(build.Id);
        return Html.Of(
            $"""
            {(lines.Count == 0 ? Html.Of($"""<p class="soft">Nothing was printed{(isBeginning ? "" : " after this")}.</p>""") : LogView.Of(lines, withSteps: step is null))}
            {(dropped == 0 ? Html.Nothing : Html.Of($"""<p class="note">The log was over its limit: {PageText.Many(dropped, "line")} were not kept.</p>"""))}
            <p class="pages">{(isBeginning ? Html.Nothing : Html.Of($"""<a href="{path.TrimEnd('?', '&')}">First lines</a>"""))}
            {(more ? Html.Of($"""<a href="{path}after={LogView.Write(lines[^1])}" rel="next">Next lines</a> <a href="{path}last=yes">Last lines</a>""") : Html.Nothing)}
            <a href="/builds/{build.Id}/log.txt" download>Download all of it</a></p>
            """);
    }

    /// <summary>All lines as they came, colours and all.</summary>
    private static IResult Download(HttpContext http, Build build, RecordStore records)
    {
        http.Response.Headers.ContentDisposition = $"attachment; filename=\"{build.Id}.log\"";
        return Results.Stream(
            async body =>
            {
                foreach (var line in records.EachLine(build.Id))
                {
                    await body.WriteAsync(line.Line, http.RequestAborted);
                    await body.WriteAsync("\n"u8.ToArray(), http.RequestAborted);
                }
            },
            "text/plain; charset=utf-8");
    }
}
