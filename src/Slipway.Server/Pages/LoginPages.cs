using Slipway.Server.Login;
using Slipway.Server.Sessions;

namespace Slipway.Server.Pages;

/// <summary>Where a person lets a terminal in: <c>depot login</c>'s approval.</summary>
internal static class LoginPages
{
    public static void MapLogin(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/login/{code}", (HttpContext http, DeviceLogin logins, string code) => PageGate.VisitorOf(http) is not { } visitor
            ? OnlySignedIn.SignIn(http.Request)
            : logins.Find(code) is { } login ? Ask(code, login, visitor) : Over());
        pages.MapPost("/login/{code}", DecideAsync);
    }

    private static Page Ask(string code, PendingLogin login, Visitor visitor)
    {
        var elsewhere = login.Address == visitor.Caller.Address ? Html.Nothing : Html.Of(
            $"""<p class="problem"><strong>That is another address than this browser's ({visitor.Caller.Address}).</strong> Approve only if you started it there yourself.</p>""");
        return new Page(
            "Let this terminal in?",
            Html.Of(
                $"""
                <div class="card">
                <p>A terminal asks to act as <strong>{visitor.User.Email}</strong>. It shows an address that ends in this code:</p>
                <p class="code">{code}</p>
                <dl>
                <dt>From</dt><dd>{login.Address}</dd>
                <dt>Program</dt><dd>{(login.Client.Length == 0 ? "unknown" : login.Client)}</dd>
                <dt>Asked</dt><dd>{PageText.Time(login.CreatedAt)}</dd>
                </dl>
                {elsewhere}
                <p class="soft">If you did not run <code>depot login</code> just now, or somebody sent you this page, deny.</p>
                <form class="row" method="post">
                {PageFrame.Key(visitor)}
                <button name="decision" value="approve">The codes are the same: approve</button>
                <button class="quiet" name="decision" value="deny">Deny</button>
                </form>
                </div>
                """));
    }

    private static async Task<IResult> DecideAsync(HttpContext http, DeviceLogin logins, string code)
    {
        if (PageGate.VisitorOf(http) is not { } visitor)
        {
            return Results.Redirect($"/sign-in?to={Uri.EscapeDataString("/login/" + code)}");
        }

        return (await http.Request.ReadFormAsync(http.RequestAborted))["decision"].ToString() switch
        {
            "approve" when await logins.ApproveAsync(code, visitor, http.RequestAborted) => new Page(
                "Approved", Html.Of($"<p>Go back to the terminal: it is signed in. You can close this page.</p>")),
            "deny" when await logins.DenyAsync(code, visitor, http.RequestAborted) => new Page("Denied", Html.Of($"<p>The terminal was not let in.</p>")),
            _ => Over(),
        };
    }

    private static Page Over() => new(
        "This login is over", Html.Of($"<p>It was decided already, or ten minutes have passed. Run <code>depot login</code> again.</p>"))
    {
        Status = StatusCodes.Status404NotFound,
    };
}
