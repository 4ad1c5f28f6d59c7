using Slipway.Server.Access;
using Slipway.Server.People;
using Slipway.Server.Projects;
using Slipway.Server.Sessions;
using Slipway.Server.Storage;

namespace Slipway.Server.Pages;

/// <summary>Who is in an organization, and as what.</summary>
internal static class PeoplePages
{
    private static readonly (string Value, string Words)[] RoleChoices =
        [("member", "member: builds, resets caches"), ("viewer", "viewer: sees projects, builds and logs"), ("owner", "owner: manages projects, tokens, trust relationships and people")];

    public static void MapPeople(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/orgs/{org}/people", (HttpContext http, ManagePeople people, ProjectStore projects, TimeProvider clock, string org) =>
            Show(http, people, OrganizationPages.Find(http, projects, CallerAction.ReadPeople, org), clock, _ => "", ""));
        pages.MapPost("/orgs/{org}/people", InviteAsync);
        pages.MapPost("/orgs/{org}/people/role", SetRoleAsync);
        pages.MapPost("/orgs/{org}/people/remove", RemoveAsync);
    }

    private static Page Show(HttpContext http, ManagePeople people, Organization organization, TimeProvider clock, Func<string, string> typed, string problem)
    {
        var visitor = PageGate.Here(http);
        var manages = AccessControl.Allows(visitor.Caller, CallerAction.ManagePeople, Resource.Of(organization.Id, organization));
        var now = clock.Now();
        return new Page(
            "People",
            Html.Of(
                $"""
                {Form.Problem(problem)}
                {PageTable.Of(
                    "Members and invitations",
                    manages ? ["Person", "Role", "Since", "Change"] : ["Person", "Role", "Since"],
                    people.List(organization.Id, visitor.Caller).Select(member => Row(visitor, organization, member, manages, now)),
                    Html.Of($"Nobody yet."))}
                {(manages ? Invite(visitor, organization, typed) : Html.Nothing)}
                """))
        {
            Place = new Place(Place.People, organization.Id),
        };
    }

    private static Html[] Row(Visitor visitor, Organization organization, Member member, bool manages, long now) =>
    [
        PageTable.Text(member.Email),
        manages ? RoleForm(visitor, organization, member) : PageTable.Text(member.Role),
        member.ExpiresAt is { } end ? Html.Of($"""<span class="status waiting">invited</span> the link ends {PageText.Ago(end, now)}""") : PageText.Ago(member.CreatedAt, now),
        .. manages
            ? [Form.Confirm(
                visitor, $"/orgs/{organization.Id}/people/remove", "Remove…",
                member.UserId is null ? "The link of the invitation stops working." : "Nothing of this organization can be seen or used by them any more, from their next call on.",
                "Remove", ("email", member.Email))]
            : Array.Empty<Html>(),
    ];

    private static Html RoleForm(Visitor visitor, Organization organization, Member member) => Html.Of(
        $"""
        <form class="inline" method="post" action="/orgs/{organization.Id}/people/role">{PageFrame.Key(visitor)}<input type="hidden" name="email" value="{member.Email}">
        <select name="role" aria-label="Role of {member.Email}">{Field.Options(RoleChoices.Select(choice => (choice.Value, choice.Value)), member.Role)}</select> <button class="quiet">Change</button></form>
        """);

    private static Html Invite(Visitor visitor, Organization organization, Func<string, string> typed) => Html.Of(
        $"""
        <section class="card"><h2>Invite somebody</h2>
        {Form.Of(
            visitor,
            $"/orgs/{organization.Id}/people",
            Html.Of(
                $"""
                {new Field("email", "Email") { Type = "email", Required = true, Value = typed("email") }.Render()}
                {new Field("role", "Role") { Required = true, Value = typed("role"), Choices = RoleChoices }.Render()}
                """),
            "Make the invitation")}
        </section>
        """);

    private static async Task<IResult> InviteAsync(HttpContext http, ManagePeople people, ProjectStore projects, TimeProvider clock, string org)
    {
        var organization = OrganizationPages.Find(http, projects, CallerAction.ManagePeople, org);
        var typed = await Form.ReadAsync(http);
        return await Form.TryAsync(
            async () =>
            {
                var (invitation, secret) = await people.InviteAsync(
                    typed("email"), org, typed("role"), TimeSpan.Zero, PageGate.Here(http).Caller, http.RequestAborted);
                return Invited(http, organization, invitation, secret, clock.Now());
            },
            problem => Show(http, people, organization, clock, typed, problem));
    }

    private static Page Invited(HttpContext http, Organization organization, Member invitation, string secret, long now) => new(
        "An invitation",
        Html.Of(
            $"""
            <p>Send this link to <strong>{invitation.Email}</strong>. It is shown this once, works once, and ends {PageText.Ago(invitation.ExpiresAt, now)}.</p>
            {Snippets.Copyable("The link", $"{Snippets.Server(http)}/invitations/{secret}")}
            <p><a href="/orgs/{organization.Id}/people">Back to the people</a></p>
            """))
    {
        Place = new Place(Place.People, organization.Id),
    };

    private static Task<IResult> SetRoleAsync(HttpContext http, ManagePeople people, ProjectStore projects, TimeProvider clock, string org) => ChangeAsync(
        http, people, projects, clock, org, typed => people.SetRoleAsync(typed("email"), org, typed("role"), PageGate.Here(http).Caller, http.RequestAborted));

    private static Task<IResult> RemoveAsync(HttpContext http, ManagePeople people, ProjectStore projects, TimeProvider clock, string org) => ChangeAsync(
        http, people, projects, clock, org, typed => people.RemoveAsync(typed("email"), org, PageGate.Here(http).Caller, http.RequestAborted));

    private static async Task<IResult> ChangeAsync(
        HttpContext http, ManagePeople people, ProjectStore projects, TimeProvider clock, string org, Func<Func<string, string>, Task> change)
    {
        var organization = OrganizationPages.Find(http, projects, CallerAction.ManagePeople, org);
        var typed = await Form.ReadAsync(http);
        return await Form.TryAsync(
            async () =>
            {
                await change(typed);
                return Form.Done(http, $"/orgs/{org}/people");
            },
            problem => Show(http, people, organization, clock, _ => "", problem));
    }
}
