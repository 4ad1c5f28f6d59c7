using Slipway.Server.Access;
using Slipway.Server.Builds;
using Slipway.Server.Projects;
using Slipway.Server.Records;
using Slipway.Server.Sessions;

namespace Slipway.Server.Pages;

/// <summary>What a person finds here: organizations, projects, builds and what they did.</summary>
internal static class RecordPages
{
    private const int RecentMax = 20;
    private const int BuildsMax = 100;
    private const int LinesMax = 2000;

    public static void MapRecords(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/", (HttpContext http, ProjectStore projects, BuildStore builds) =>
            PageGate.VisitorOf(http) is { } visitor ? Home(visitor, projects, builds) : Welcome());
        pages.MapGet("/projects/{id}", (HttpContext http, ProjectStore projects, BuildStore builds, string id) =>
            SignedIn(http, visitor => Project(visitor, projects.Find(id), id, builds)));
        pages.MapGet("/builds/{id}", (HttpContext http, BuildStore builds, RecordStore records, string id) =>
            SignedIn(http, visitor => Build(visitor, builds.Find(id), id, records)));
    }

    private static IResult SignedIn(HttpContext http, Func<Visitor, IResult> page) => PageGate.VisitorOf(http) is { } visitor
        ? page(visitor)
        : Results.Redirect($"/sign-in?to={Uri.EscapeDataString(http.Request.Path)}");

    private static IResult Welcome() => PageFrame.Show(
        "Remote container builds",
        Html.Of(
            $"""
            <p>This is a Slipway server: it runs <code>docker build</code> on remote builders that keep a warm cache.</p>
            <p><a class="button" href="/sign-in">Sign in</a></p>
            <p class="soft">In a terminal: <code>DEPOT_API_URL=&lt;this address&gt; depot login</code>, then <code>depot build .</code></p>
            """));

    private static IResult Home(Visitor visitor, ProjectStore projects, BuildStore builds)
    {
        var reached = projects.List().Where(project => AccessControl.Reaches(visitor.Caller, project.OrganizationId, project.Id)).ToList();
        var organizations = projects.ListOrganizations().Where(one => AccessControl.Reaches(visitor.Caller, one.Id, null)).ToList();
        var names = reached.ToDictionary(project => project.Id, project => project.Name, StringComparer.Ordinal);
        var recent = reached.SelectMany(project => builds.List(project.Id, null, RecentMax))
            .OrderByDescending(build => build.CreatedAt).Take(RecentMax).ToList();
        return PageFrame.Show(
            "Your builds",
            Html.Of(
                $"""
                <p class="soft">{string.Join(", ", organizations.Select(one => $"{one.Name} ({visitor.Caller.Roles[one.Id].Name()})"))}</p>
                <h2>Recent builds</h2>
                {Builds(recent, names)}
                <h2>Projects</h2>
                {Projects(reached)}
                """),
            visitor);
    }

    private static IResult Project(Visitor visitor, Project? project, string id, BuildStore builds)
    {
        AccessControl.Authorize(visitor.Caller, CallerAction.ReadBuilds, Resource.Of(id, project));
        return PageFrame.Show(
            project!.Name,
            Html.Of($"""<p class="soft">{project.OrganizationName} · <code>{project.Id}</code></p>{Builds(builds.List(id, null, BuildsMax), null)}"""),
            visitor);
    }

    private static IResult Build(Visitor visitor, Build? build, string id, RecordStore records)
    {
        AccessControl.Authorize(visitor.Caller, CallerAction.ReadBuilds, Resource.Of(id, build));
        return PageFrame.Show(
            $"Build {build!.Id}",
            Html.Of(
                $"""
                <dl>
                <dt>Status</dt><dd>{Status(build)}</dd>
                <dt>Project</dt><dd><a href="/projects/{build.ProjectId}">{build.ProjectId}</a></dd>
                <dt>Started</dt><dd>{PageText.Time(build.CreatedAt)} by {build.StartedBy}</dd>
                <dt>Took</dt><dd>{PageText.Duration(build.CreatedAt, build.FinishedAt)}</dd>
                </dl>
                {Reason(build)}
                <h2>Steps</h2>
                {Steps(records.ListSteps(build.Id))}
                <h2>Log</h2>
                {Log(records.ListLines(build.Id, "", 0, LinesMax), build.Id)}
                """),
            visitor);
    }

    private static Html Builds(IReadOnlyList<Build> builds, Dictionary<string, string>? projects) => builds.Count == 0
        ? Html.Of($"""<p class="soft">None yet. Build with <code>depot build .</code></p>""")
        : Html.Of(
            $"""
            <div class="card wide"><table>
            <thead><tr><th scope="col">Build</th><th scope="col">Status</th>{(projects is null ? Html.Nothing : Html.Of($"""<th scope="col">Project</th>"""))}<th scope="col">Started</th><th scope="col">Took</th><th scope="col">By</th></tr></thead>
            <tbody>{Html.Join(builds.Select(build => Html.Of(
                $"""<tr><td><a href="/builds/{build.Id}">{build.Id}</a></td><td>{Status(build)}</td>{(projects is null ? Html.Nothing : Html.Of($"<td>{projects[build.ProjectId]}</td>"))}<td>{PageText.Time(build.CreatedAt)}</td><td>{PageText.Duration(build.CreatedAt, build.FinishedAt)}</td><td class="long">{build.StartedBy}</td></tr>""")))}</tbody>
            </table></div>
            """);

    private static Html Projects(IReadOnlyList<Project> projects) => projects.Count == 0
        ? Html.Of($"""<p class="soft">None yet. An owner makes one with <code>depot projects create NAME</code></p>""")
        : Html.Of(
            $"""
            <div class="card wide"><table>
            <thead><tr><th scope="col">Project</th><th scope="col">Id</th><th scope="col">Organization</th></tr></thead>
            <tbody>{Html.Join(projects.Select(project => Html.Of(
                $"""<tr><td><a href="/projects/{project.Id}">{project.Name}</a></td><td><code>{project.Id}</code></td><td>{project.OrganizationName}</td></tr>""")))}</tbody>
            </table></div>
            """);

    private static Html Steps(IReadOnlyList<StepRow> steps) => steps.Count == 0
        ? Html.Of($"""<p class="soft">None were recorded.</p>""")
        : Html.Of(
            $"""
            <div class="card wide"><table>
            <thead><tr><th scope="col">Step</th><th scope="col">State</th><th scope="col">Took</th></tr></thead>
            <tbody>{Html.Join(steps.Select(step => Html.Of(
                $"""<tr><td class="long">{step.Name}</td><td>{StateOf(step)}</td><td>{(step.StartedAt is { } started ? PageText.Duration(started, step.CompletedAt) : "")}</td></tr>""")))}</tbody>
            </table></div>
            """);

    private static string StateOf(StepRow step) =>
        step.Error.Length > 0 ? "failed" : step.Cached ? "cached" : step.CompletedAt is null ? "running" : "done";

    private static Html Log(IReadOnlyList<LogRow> lines, string build)
    {
        var text = string.Join('\n', lines.Select(line => AnsiText.Plain(System.Text.Encoding.UTF8.GetString(line.Line))));
        return lines.Count == 0
            ? Html.Of($"""<p class="soft">Nothing was printed.</p>""")
            : Html.Of($"""<pre tabindex="0">{text}</pre>{(lines.Count < LinesMax ? Html.Nothing : Html.Of($"""<p class="soft">These are the first {LinesMax} lines; all of them: <code>slipway admin build logs {build}</code></p>"""))}""");
    }

    private static Html Status(Build build)
    {
        var status = BuildText.Status(build.Status);
        return Html.Of($"""<span class="{status}">{status}</span>""");
    }

    private static Html Reason(Build build) => build.Reason.Length == 0 ? Html.Nothing : Html.Of($"""<p class="problem">{build.Reason}</p>""");
}
