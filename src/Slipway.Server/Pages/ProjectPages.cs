using System.Globalization;
using Slipway.Contract.Connect;
using Slipway.Server.Access;
using Slipway.Server.Builders;
using Slipway.Server.Builds;
using Slipway.Server.Leasing;
using Slipway.Server.Projects;
using Slipway.Server.Sessions;
using Slipway.Server.Storage;

namespace Slipway.Server.Pages;

/// <summary>A project's builds, its settings and its caches.</summary>
internal static class ProjectPages
{
    public static void MapProjects(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/projects/{id}", (HttpContext http, ProjectStore projects, ListBuilds list, TimeProvider clock, string id) =>
            Builds(http, Find(http, projects, CallerAction.ReadBuilds, id), list, clock));
        pages.MapGet("/projects/{id}/settings", (HttpContext http, ProjectStore projects, BuilderStore builders, Fleet fleet, TimeProvider clock, string id) =>
            Settings(http, Find(http, projects, CallerAction.ReadBuilds, id), builders, fleet, clock, null, ""));
        pages.MapPost("/projects/{id}/settings", UpdateAsync);
        pages.MapPost("/projects/{id}/reset-cache", ResetAsync);
        pages.MapPost("/projects/{id}/delete", DeleteAsync);
    }

    /// <summary>The project, if the visitor may do this with it.</summary>
    public static Project Find(HttpContext http, ProjectStore projects, CallerAction action, string id)
    {
        var project = projects.Find(id);
        AccessControl.Authorize(PageGate.Here(http).Caller, action, Resource.Of(id, project));
        return project!;
    }

    private static Page Builds(HttpContext http, Project project, ListBuilds list, TimeProvider clock) => new(
        project.Name,
        Html.Of(
            $"""
            <p class="soft">Project <code>{project.Id}</code></p>
            {BuildTable.Of(http, list, BuildFilter.OfProject(project.Id), $"/projects/{project.Id}", clock.Now())}
            """))
    {
        Place = Place.In(project, Place.Builds),
    };

    private static Page Settings(
        HttpContext http, Project project, BuilderStore builders, Fleet fleet, TimeProvider clock, Func<string, string>? typed, string problem)
    {
        var visitor = PageGate.Here(http);
        var resource = Resource.Of(project.Id, project);
        var owns = AccessControl.Allows(visitor.Caller, CallerAction.ManageProject, resource);
        return new Page(
            "Settings",
            Html.Of(
                $"""
                {Form.Problem(problem)}
                <section class="card"><h2>Project</h2>
                <dl>
                <dt>Id</dt><dd><code>{project.Id}</code></dd>
                <dt>Organization</dt><dd>{project.OrganizationName} <code>{project.OrganizationId}</code></dd>
                <dt>Made</dt><dd>{PageText.Time(project.CreatedAt)}</dd>
                <dt>Builders</dt><dd>this server's own, wherever their operator put them</dd>
                </dl>
                {(owns ? Edit(visitor, project, typed) : Limits(project))}
                </section>
                <section class="card"><h2>Caches</h2>
                {Caches(builders.CachesOf(project.Id), fleet, clock.Now())}
                {Reset(visitor, project, resource)}
                </section>
                {(owns ? Delete(visitor, project) : Html.Nothing)}
                """))
        {
            Place = Place.In(project, Place.Settings),
        };
    }

    private static Html Edit(Visitor visitor, Project project, Func<string, string>? typed) => Form.Of(
        visitor,
        $"/projects/{project.Id}/settings",
        Html.Of(
            $"""
            {new Field("name", "Name") { Required = true, Value = typed?.Invoke("name") ?? project.Name }.Render()}
            {new Field("size", "Cache limit, GiB") { Value = typed?.Invoke("size") ?? Gibibytes(project.CacheKeepBytes), Hint = "Of each of the caches below. Empty: as much as the builder's disk allows." }.Render()}
            {new Field("days", "Keep unused layers, days") { Value = typed?.Invoke("days") ?? (project.CacheKeepDays == 0 ? "" : $"{project.CacheKeepDays}"), Hint = "Empty: until the room is needed." }.Render()}
            """),
        "Save");

    private static Html Limits(Project project) => Html.Of(
        $"""
        <dl>
        <dt>Cache limit</dt><dd>{(project.CacheKeepBytes == 0 ? "the builder's disk" : PageText.Size(project.CacheKeepBytes))}</dd>
        <dt>Unused layers</dt><dd>{(project.CacheKeepDays == 0 ? "kept until the room is needed" : PageText.Many(project.CacheKeepDays, "day"))}</dd>
        </dl>
        """);

    private static Html Caches(IReadOnlyList<ProjectCache> caches, Fleet fleet, long now) => PageTable.Of(
        "Caches by architecture and tier",
        ["Architecture", "For builds that are", "On builder", "State"],
        caches.Select(cache => new[]
        {
            Html.Of($"linux/{cache.Architecture}"),
            PageTable.Text(CacheScope.IsUntrusted(cache.Scope) ? "untrusted" : "trusted"),
            PageTable.Text(cache.BuilderName),
            State(cache, fleet, now),
        }),
        Html.Of($"There is none yet: the first build makes one on the builder that it runs on."));

    private static Html State(ProjectCache cache, Fleet fleet, long now)
    {
        if (cache.ResetPending)
        {
            return PageTable.Text("is thrown away as soon as its builder is there");
        }

        var engine = fleet.HasEngine(cache.BuilderId, cache.Scope, cache.Architecture);
        return engine is null ? Html.Of($"builder away, last seen {PageText.Ago(cache.LastSeenAt, now)}")
            : PageTable.Text(engine.Value ? "warm: its engine runs" : "on the disk: its engine starts with the next build");
    }

    private static Html Reset(Visitor visitor, Project project, Resource resource) =>
        AccessControl.Allows(visitor.Caller, CallerAction.ResetCache, resource)
            ? Form.Confirm(
                visitor, $"/projects/{project.Id}/reset-cache", "Reset the cache…",
                "All of this project's caches are thrown away, on every builder. The next builds do everything anew; running builds keep theirs until they are done.",
                "Reset the cache")
            : Html.Nothing;

    private static Html Delete(Visitor visitor, Project project) => Html.Of(
        $"""
        <section class="card"><h2>Delete</h2>
        <p>Its builds, tokens and trust relationships stop working at once, and its caches are thrown away. This cannot be undone.</p>
        {Form.Of(visitor, $"/projects/{project.Id}/delete", new Field("confirm", $"Type the project's id, {project.Id}") { Required = true }.Render(), "Delete the project", isDangerous: true)}
        </section>
        """);

    private static async Task<IResult> UpdateAsync(
        HttpContext http, ManageProjects manage, ProjectStore projects, BuilderStore builders, Fleet fleet, TimeProvider clock, string id)
    {
        var project = Find(http, projects, CallerAction.ManageProject, id);
        var typed = await Form.ReadAsync(http);
        return await Form.TryAsync(
            async () =>
            {
                await manage.UpdateAsync(
                    id, typed("name"), Bytes(typed("size")), Days(typed("days")), PageGate.Here(http).Caller, http.RequestAborted);
                return Form.Done(http, $"/projects/{id}/settings");
            },
            problem => Settings(http, project, builders, fleet, clock, typed, problem));
    }

    private static async Task<IResult> ResetAsync(
        HttpContext http, ResetProjectCache reset, ProjectStore projects, BuilderStore builders, Fleet fleet, TimeProvider clock, string id)
    {
        var project = Find(http, projects, CallerAction.ResetCache, id);
        return await Form.TryAsync(
            async () =>
            {
                await reset.HandleAsync(id, PageGate.Here(http).Caller, http.RequestAborted);
                return Form.Done(http, $"/projects/{id}/settings");
            },
            problem => Settings(http, project, builders, fleet, clock, null, problem));
    }

    private static async Task<IResult> DeleteAsync(
        HttpContext http, ManageProjects manage, ProjectStore projects, BuilderStore builders, Fleet fleet, TimeProvider clock, string id)
    {
        var project = Find(http, projects, CallerAction.ManageProject, id);
        var typed = await Form.ReadAsync(http);
        return await Form.TryAsync(
            async () =>
            {
                if (typed("confirm") != id)
                {
                    throw new ApiException(ConnectCode.InvalidArgument, "nothing was deleted: what was typed is not the project's id", $"type {id}");
                }

                await manage.DeleteAsync(id, PageGate.Here(http).Caller, http.RequestAborted);
                return Form.Done(http, $"/orgs/{project.OrganizationId}/projects");
            },
            problem => Settings(http, project, builders, fleet, clock, null, problem));
    }

    private static string Gibibytes(long bytes) => bytes == 0 ? "" : (bytes / (double)(1L << 30)).ToString("0.###", CultureInfo.InvariantCulture);

    private static long Bytes(string text) => text.Length == 0 ? 0
        : double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var size) && size < 1 << 20 ? (long)(size * (1L << 30))
        : throw new ApiException(ConnectCode.InvalidArgument, $"the cache limit is \"{text}\"", "write a number of GiB, for example 50");

    private static int Days(string text) => text.Length == 0 ? 0
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var days) ? days
        : throw new ApiException(ConnectCode.InvalidArgument, $"the days are \"{text}\"", "write a whole number, for example 30");
}
