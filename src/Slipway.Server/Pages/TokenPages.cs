using Slipway.Contract.Connect;
using Slipway.Server.Access;
using Slipway.Server.Projects;
using Slipway.Server.Sessions;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;

namespace Slipway.Server.Pages;

/// <summary>An organization's tokens and its projects': who made which, until when, and whether anybody uses them.</summary>
internal static class TokenPages
{
    private static readonly TimeSpan OverlapUsual = TimeSpan.FromHours(1);
    private static readonly (string Value, string Words)[] Lives = [("90", "90 days"), ("7", "7 days"), ("30", "30 days"), ("180", "180 days"), ("365", "a year")];

    private static readonly (string Value, string Words)[] Overlaps = [("1", "an hour"), ("24", "a day"), ("168", "7 days"), ("0", "no time")];

    public static void MapTokens(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/orgs/{org}/tokens", (HttpContext http, ManageTokens manage, ProjectStore projects, TimeProvider clock, string org) =>
            Show(http, manage, clock, Scope.Of(http, projects, org), _ => "", ""));
        pages.MapGet("/projects/{id}/tokens", (HttpContext http, ManageTokens manage, ProjectStore projects, TimeProvider clock, string id) =>
            Show(http, manage, clock, Scope.OfProject(http, projects, id), _ => "", ""));
        pages.MapPost("/orgs/{org}/tokens", (HttpContext http, CreateToken create, ManageTokens manage, ProjectStore projects, TimeProvider clock, string org) =>
            CreateAsync(http, create, manage, clock, Scope.Of(http, projects, org)));
        pages.MapPost("/projects/{id}/tokens", (HttpContext http, CreateToken create, ManageTokens manage, ProjectStore projects, TimeProvider clock, string id) =>
            CreateAsync(http, create, manage, clock, Scope.OfProject(http, projects, id)));
        pages.MapPost("/tokens/{token}/rotate", RotateAsync);
        pages.MapPost("/tokens/{token}/revoke", RevokeAsync);
    }

    /// <summary>A token, this once, and what to do with it.</summary>
    public static Page Made(HttpContext http, Place place, TokenRecord token, string secret, Html more) => new(
        "A new token",
        Html.Of(
            $"""
            <p class="note">It is shown this once: the server keeps only its hash.</p>
            {Snippets.Copyable("The token", secret)}
            <p>{token.Kind} token “{token.Name}”, {(token.ExpiresAt is { } end ? $"until {PageText.Day(end)}" : "without an end")}.</p>
            {more}
            """))
    {
        Place = place,
    };

    private static Page Show(HttpContext http, ManageTokens manage, TimeProvider clock, Scope scope, Func<string, string> typed, string problem)
    {
        var visitor = PageGate.Here(http);
        var now = clock.Now();
        var tokens = manage.List(visitor.Caller)
            .Where(token => scope.Project is { } project ? token.ProjectId == project.Id : token.OrganizationId == scope.Organization.Id)
            .Where(token => token.RevokedAt is null && !(token.ExpiresAt <= now))
            .ToList();
        return new Page(
            "Tokens",
            Html.Of(
                $"""
                <p>A token is a secret that stands for this {(scope.Project is null ? "organization" : "project")} until it ends. A trust relationship needs none: prefer it where the CI system has one.</p>
                {PageTable.Of(
                    "Tokens that work",
                    ["Name", "For", "Made", "Ends", "Last used", "Change"],
                    tokens.Select(token => Row(visitor, scope, token, now)),
                    Html.Of($"There is none."))}
                <section class="card"><h2>New token</h2>
                {Form.Problem(problem)}
                {Form.Of(visitor, $"{scope.Path}/tokens", Fields(scope, typed), "Create the token")}
                </section>
                """))
        {
            Place = scope.Place,
        };
    }

    private static Html[] Row(Visitor visitor, Scope scope, TokenRecord token, long now) =>
    [
        Html.Of($"""{token.Name}<br><span class="soft"><code>{token.Id}</code></span>"""),
        Html.Of($"{scope.Describe(token)}{(token.AllowedFrom.Length > 0 ? Html.Of($"""<br><span class="soft">only from {token.AllowedFrom}</span>""") : Html.Nothing)}"),
        Html.Of($"{PageText.Ago(token.CreatedAt, now)}{(token.CreatedBy.Length > 0 ? Html.Of($"""<br><span class="soft">by {token.CreatedBy}</span>""") : Html.Nothing)}"),
        PageText.Ago(token.ExpiresAt, now, "never"),
        PageText.Ago(token.LastUsedAt, now, "not yet"),
        Html.Of(
            $"""
            <details class="confirm"><summary>Rotate…</summary><div class="sheet"><p>A new secret takes its place; the old one works on for</p>
            {Form.Of(visitor, $"/tokens/{token.Id}/rotate", Html.Of($"""<input type="hidden" name="back" value="{scope.Path}/tokens"><div class="field"><select name="overlap" aria-label="The old one works on for">{Field.Options(Overlaps, chosen: "")}</select></div>"""), "Rotate")}</div></details>
            {Form.Confirm(visitor, $"/tokens/{token.Id}/revoke", "Revoke…", "Whatever uses it is refused from its next call on.", "Revoke", ("back", $"{scope.Path}/tokens"))}
            """),
    ];

    private static Html Fields(Scope scope, Func<string, string> typed) => Html.Of(
        $"""
        {new Field("name", "Name") { Required = true, Value = typed("name"), Hint = "What uses it, so that somebody dares to revoke it one day." }.Render()}
        {(scope.Project is null ? new Field("role", "It may do what") { Required = true, Value = typed("role"), Choices = [("member", "a member may: build"), ("viewer", "a viewer may: read"), ("owner", "an owner may: everything in this organization")] }.Render() : Html.Nothing)}
        {new Field("life", "It lasts") { Required = true, Value = typed("life"), Choices = Lives }.Render()}
        {new Field("from", "Only from") { Value = typed("from"), Hint = "Addresses and networks that calls with it may come from, with commas between." }.Render()}
        """);

    private static async Task<IResult> CreateAsync(HttpContext http, CreateToken create, ManageTokens manage, TimeProvider clock, Scope scope)
    {
        var typed = await Form.ReadAsync(http);
        return await Form.TryAsync(
            async () =>
            {
                var asked = new NewToken(
                    typed("name"), TimeSpan.FromDays(Number(typed("life"))), typed("from").Split([',', ' '], StringSplitOptions.RemoveEmptyEntries));
                var (token, secret) = scope.Project is { } project
                    ? await create.ForProjectAsync(project.Id, asked, PageGate.Here(http).Caller, http.RequestAborted)
                    : await create.ForOrganizationAsync(scope.Organization.Id, typed("role"), asked, PageGate.Here(http).Caller, http.RequestAborted);
                return Made(http, scope.Place, token, secret, scope.Use(http, secret));
            },
            problem => Show(http, manage, clock, scope, typed, problem));
    }

    private static async Task<IResult> RotateAsync(HttpContext http, ManageTokens manage, ProjectStore projects, string token)
    {
        var typed = await Form.ReadAsync(http);
        var overlap = typed("overlap").Length == 0 ? OverlapUsual : TimeSpan.FromHours(Number(typed("overlap")));
        var (next, secret) = await manage.RotateAsync(token, overlap, PageGate.Here(http).Caller, http.RequestAborted);
        var more = Html.Of(
            $"""<p>Token <code>{token}</code> {(overlap == TimeSpan.Zero ? "has ended" : $"works on for {PageText.Duration(overlap.Milliseconds())}")}. Put the new one wherever the old one is.</p><p><a href="{PageGate.LocalPath(typed("back"))}">Back to the tokens</a></p>""");
        return Made(http, Place.Nowhere, next, secret, more);
    }

    private static async Task<IResult> RevokeAsync(HttpContext http, ManageTokens manage, string token)
    {
        var typed = await Form.ReadAsync(http);
        await manage.RevokeAsync(token, PageGate.Here(http).Caller, http.RequestAborted);
        return Form.Done(http, PageGate.LocalPath(typed("back")));
    }

    private static int Number(string text) => int.TryParse(text, out var number) && number is >= 0 and < 10_000 ? number
        : throw new ApiException(ConnectCode.InvalidArgument, $"\"{text}\" is none of the choices", "choose one");

    /// <summary>Whose tokens a page shows.</summary>
    private sealed record Scope(Organization Organization, Project? Project, IReadOnlyDictionary<string, string> ProjectNames)
    {
        public string Path => Project is null ? $"/orgs/{Organization.Id}" : $"/projects/{Project.Id}";

        public Place Place => Project is null ? new Place(Place.Tokens, Organization.Id) : Place.In(Project, Place.Tokens);

        public static Scope Of(HttpContext http, ProjectStore projects, string organization) => new(
            OrganizationPages.Find(http, projects, CallerAction.ManageTokens, organization),
            null,
            projects.List().Where(project => project.OrganizationId == organization).ToDictionary(project => project.Id, project => project.Name));

        public static Scope OfProject(HttpContext http, ProjectStore projects, string id)
        {
            var project = ProjectPages.Find(http, projects, CallerAction.ManageTokens, id);
            return new Scope(
                new Organization { Id = project.OrganizationId, Name = project.OrganizationName }, project, new Dictionary<string, string> { [id] = project.Name });
        }

        public string Describe(TokenRecord token) => token.ProjectId is { } id
            ? $"project {ProjectNames.GetValueOrDefault(id, id)}"
            : $"the organization, as {token.Role ?? Role.Owner.Name()}";

        public Html Use(HttpContext http, string secret) => Html.Of(
            $"""
            <h2>In a Buildkite pipeline</h2>
            <p>Store it in AWS Secrets Manager, in a terminal of yours:</p>
            {Snippets.Copyable("A command that stores the token", $"aws secretsmanager create-secret \\\n  --name buildkite/depot-token \\\n  --secret-string \"{secret}\"")}
            <p>and let the step read it; its agents' role needs <code>secretsmanager:GetSecretValue</code> for it:</p>
            {Snippets.Buildkite(http, Project?.Id ?? "PROJECT-ID", withToken: true)}
            <h2>Anywhere else</h2>
            {Snippets.Copyable("Environment variables", $"export DEPOT_API_URL={Snippets.Server(http)}\nexport DEPOT_TOKEN={secret}\n{(Project is null ? "depot projects list" : $"export DEPOT_PROJECT_ID={Project.Id}\ndepot build .")}")}
            <p><a href="{Path}/tokens">Back to the tokens</a></p>
            """);
    }
}
