using Slipway.Contract.Connect;
using Slipway.Server.Access;
using Slipway.Server.Sessions;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;

namespace Slipway.Server.Pages;

/// <summary>A person's own: where they are a member, and which terminals are signed in as them.</summary>
internal static class AccountPages
{
    public static void MapAccount(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/account", (HttpContext http, TokenStore tokens, TimeProvider clock) => Show(http, tokens, clock));
        pages.MapPost("/account/tokens/{token}/revoke", SignOutAsync);
    }

    private static Page Show(HttpContext http, TokenStore tokens, TimeProvider clock)
    {
        var visitor = PageGate.Here(http);
        var now = clock.Now();
        return new Page(
            "Your account",
            Html.Of(
                $"""
                <dl>
                <dt>Email</dt><dd>{visitor.User.Email}</dd>
                {Html.Join(Page.OrganizationsOf(http, visitor.Caller).Select(one => Html.Of($"<dt>{one.Name}</dt><dd>{(visitor.Caller.Roles.TryGetValue(one.Id, out var role) ? role.Name() : "operator")}</dd>")))}
                {(visitor.User.Operator ? Html.Of($"<dt>This server</dt><dd>operator, at a browser</dd>") : Html.Nothing)}
                </dl>
                <h2>Terminals</h2>
                {PageTable.Of(
                    "Terminals that are signed in as you",
                    ["Terminal", "Signed in", "Ends", "Last used", "Change"],
                    tokens.ListOfUser(visitor.User.Id).Where(token => !(token.ExpiresAt <= now)).Select(token => Row(visitor, token, now)),
                    Html.Of($"None is signed in. In a terminal: <code>depot login</code>"))}
                """))
        {
            Place = new Place(Place.Account),
        };
    }

    private static Html[] Row(Visitor visitor, TokenRecord token, long now) =>
    [
        Html.Of($"""{token.Name}<br><span class="soft"><code>{token.Id}</code></span>"""),
        PageText.Ago(token.CreatedAt, now),
        PageText.Ago(token.ExpiresAt, now),
        PageText.Ago(token.LastUsedAt, now, "not yet"),
        Form.Button(visitor, $"/account/tokens/{token.Id}/revoke", "Sign out"),
    ];

    private static async Task<IResult> SignOutAsync(HttpContext http, ManageTokens manage, TokenStore tokens, string token)
    {
        // Here one's own alone, also for who may revoke others' on another page.
        var visitor = PageGate.Here(http);
        if (tokens.Find(token)?.UserId != visitor.User.Id)
        {
            throw new ApiException(ConnectCode.PermissionDenied, $"no access to token \"{token}\"");
        }

        await manage.RevokeAsync(token, visitor.Caller, http.RequestAborted);
        return Form.Done(http, "/account");
    }
}
