using Slipway.Server.Access;
using Slipway.Server.Projects;
using Slipway.Server.Sessions;

namespace Slipway.Server.Pages;

/// <summary>The ways from here: nothing is shown that would answer "Not found".</summary>
internal static class Navigation
{
    public static Html Bar(Visitor visitor, IReadOnlyList<Organization> organizations, Place place)
    {
        var current = organizations.FirstOrDefault(organization => organization.Id == place.OrganizationId)
            ?? (organizations is [var first, ..] ? first : null);
        return Html.Of(
            $"""
            {Switcher(visitor.Caller, organizations, current)}
            <nav aria-label="Main"><ul>{Html.Join(Links(visitor.Caller, current, place))}</ul></nav>
            <form class="person" method="post" action="/sign-out">{PageFrame.Key(visitor)}{PersonLink(visitor, place)}<button class="quiet">Sign out</button></form>
            """);
    }

    /// <summary>A project's own tabs; nothing elsewhere.</summary>
    public static Html Tabs(Caller caller, Place place)
    {
        if (place.Project is not { } project)
        {
            return place.Trail is (var words, { } path) ? Html.Of($"""<p class="crumbs"><a href="{path}">{words}</a> /</p>""") : Html.Nothing;
        }

        var resource = Resource.Of(project.Id, project);
        return Html.Of(
            $"""
            <p class="crumbs"><a href="/orgs/{project.OrganizationId}/projects">{project.OrganizationName}</a> / <a href="/projects/{project.Id}">{project.Name}</a></p>
            <nav class="tabs" aria-label="Project"><ul>
            {Link($"/projects/{project.Id}", "Builds", place.Tab == Place.Builds)}
            {Link($"/projects/{project.Id}/trust", "Trust relationships", place.Tab == Place.Trust, AccessControl.Allows(caller, CallerAction.ReadTrust, resource))}
            {Link($"/projects/{project.Id}/tokens", "Tokens", place.Tab == Place.Tokens, AccessControl.Allows(caller, CallerAction.ManageTokens, resource))}
            {Link($"/projects/{project.Id}/settings", "Settings", place.Tab == Place.Settings)}
            </ul></nav>
            """);
    }

    private static Html Switcher(Caller caller, IReadOnlyList<Organization> organizations, Organization? current) => current is null ? Html.Nothing
        : organizations.Count == 1 ? Html.Of($"""<span class="organization">{Named(caller, current)}</span>""")
        : Html.Of(
            $"""
            <details class="organization"><summary aria-label="Organization: {current.Name}. Choose another">{Named(caller, current)}</summary>
            <ul>{Html.Join(organizations.Select(one => Html.Of($"<li><a href=\"/orgs/{one.Id}\"{Mark(one == current)}>{Named(caller, one)}</a></li>")))}</ul></details>
            """);

    private static string Named(Caller caller, Organization organization) =>
        $"{organization.Name} ({(caller.Roles.TryGetValue(organization.Id, out var role) ? role.Name() : "operator")})";

    private static IEnumerable<Html> Links(Caller caller, Organization? organization, Place place)
    {
        if (organization is { Id: var id })
        {
            var resource = Resource.Of(id, organization);
            yield return Link($"/orgs/{id}", "Builds", place.Section == Place.Builds);
            yield return Link($"/orgs/{id}/projects", "Projects", place.Section == Place.Projects);
            yield return Link($"/orgs/{id}/people", "People", place.Section == Place.People, AccessControl.Allows(caller, CallerAction.ReadPeople, resource));
            yield return Link($"/orgs/{id}/tokens", "Tokens", place.Section == Place.Tokens, AccessControl.Allows(caller, CallerAction.ManageTokens, resource));
            yield return Link($"/orgs/{id}/audit", "Audit", place.Section == Place.Audit, AccessControl.Allows(caller, CallerAction.ReadAudit, resource));
        }

        yield return Link("/builders", "Builders", place.Section == Place.Builders, AccessControl.Allows(caller, CallerAction.ManageBuilders, Resource.Instance));
    }

    private static Html PersonLink(Visitor visitor, Place place) =>
        Html.Of($"<a href=\"/account\"{Mark(place.Section == Place.Account)}>{visitor.User.Email}</a>");

    private static Html Link(string path, string words, bool isHere, bool isAllowed = true) =>
        isAllowed ? Html.Of($"<li><a href=\"{path}\"{Mark(isHere)}>{words}</a></li>") : Html.Nothing;

    private static Html Mark(bool isHere) => isHere ? new(" aria-current=\"page\"") : Html.Nothing;
}
