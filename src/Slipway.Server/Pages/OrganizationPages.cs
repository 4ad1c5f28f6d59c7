using Slipway.Server.Access;
using Slipway.Server.Builds;
using Slipway.Server.Projects;
using Slipway.Server.Sessions;
using Slipway.Server.Storage;

namespace Slipway.Server.Pages;

/// <summary>Where people arrive: the front, an organization's builds, and its projects.</summary>
internal static class OrganizationPages
{
    public static void MapFront(this IEndpointRouteBuilder pages) => pages.MapGet("/", (HttpContext http, ListBuilds list, TimeProvider clock) =>
        PageGate.VisitorOf(http) is { } visitor ? Home(http, visitor, list, clock) : Welcome(http));

    public static void MapOrganizations(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/orgs/{org}", (HttpContext http, ProjectStore projects, ListBuilds list, TimeProvider clock, string org) =>
            Builds(http, Find(http, projects, CallerAction.ReadBuilds, org), list, clock));
        pages.MapGet("/orgs/{org}/projects", (HttpContext http, ManageProjects manage, ProjectStore projects, TimeProvider clock, string org) =>
            Projects(http, manage, Find(http, projects, CallerAction.ReadBuilds, org), clock, "", ""));
        pages.MapPost("/orgs/{org}/projects", CreateAsync);
    }

    /// <summary>The organization, if the visitor may do this there.</summary>
    public static Organization Find(HttpContext http, ProjectStore projects, CallerAction action, string id)
    {
        var organization = projects.FindOrganization(id);
        AccessControl.Authorize(PageGate.Here(http).Caller, action, Resource.Of(id, organization));
        return organization!;
    }

    private static Page Welcome(HttpContext http) => new(
        "Remote container builds",
        Html.Of(
            $"""
            <p>This is a Slipway server: it runs <code>docker build</code> on remote builders that keep a warm cache.</p>
            <p><a class="button" href="/sign-in">Sign in</a></p>
            <p class="soft">In a terminal:</p>
            <pre tabindex="0">curl -L {Snippets.Server(http)}/install-cli.sh | sh
            depot login
            depot build .</pre>
            """));

    private static Page Home(HttpContext http, Visitor visitor, ListBuilds list, TimeProvider clock) =>
        Page.OrganizationsOf(http, visitor.Caller) is [var first, ..]
            ? Builds(http, first, list, clock)
            : new Page("Your builds", Html.Of($"<p>Your account is in no organization (any more). An owner of one invites you, on its page “People”.</p>"));

    private static Page Builds(HttpContext http, Organization organization, ListBuilds list, TimeProvider clock) => new(
        "Builds", BuildTable.Of(http, list, BuildFilter.OfOrganization(organization.Id), $"/orgs/{organization.Id}", clock.Now()))
    {
        Place = new Place(Place.Builds, organization.Id),
    };

    private static Page Projects(HttpContext http, ManageProjects manage, Organization organization, TimeProvider clock, string typed, string problem)
    {
        var visitor = PageGate.Here(http);
        var create = AccessControl.Allows(visitor.Caller, CallerAction.CreateProject, Resource.Of(organization.Id, organization))
            ? Html.Of(
                $"""
                <section class="card"><h2>New project</h2>
                {Form.Of(visitor, $"/orgs/{organization.Id}/projects", new Field("name", "Name") { Required = true, Value = typed, Problem = problem, Hint = "A project has its own cache, tokens and trust relationships. One per repository is usual." }.Render(), "Create the project")}
                </section>
                """)
            : Html.Nothing;
        return new Page("Projects", Html.Of($"{List(manage, visitor.Caller, organization, clock.Now())}{create}"))
        {
            Place = new Place(Place.Projects, organization.Id),
        };
    }

    private static Html List(ManageProjects manage, Caller caller, Organization organization, long now) => PageTable.Of(
        "Projects",
        ["Project", "Id", "Made"],
        manage.List(caller).Where(project => project.OrganizationId == organization.Id).Select(project => new[]
        {
            Html.Of($"""<a href="/projects/{project.Id}">{project.Name}</a>"""), Html.Of($"<code>{project.Id}</code>"), PageText.Ago(project.CreatedAt, now),
        }),
        Html.Of($"There are none yet."));

    private static async Task<IResult> CreateAsync(HttpContext http, ManageProjects manage, ProjectStore projects, TimeProvider clock, string org)
    {
        var visitor = PageGate.Here(http);
        var organization = Find(http, projects, CallerAction.CreateProject, org);
        var typed = await Form.ReadAsync(http);
        return await Form.TryAsync(
            async () => Form.Done(
                http, $"/projects/{(await manage.CreateAsync(org, typed("name"), default, visitor.Caller, http.RequestAborted)).Id}/trust"),
            problem => Projects(http, manage, organization, clock, typed("name"), problem));
    }
}
