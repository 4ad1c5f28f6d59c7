using Slipway.Contract.Tokens;
using Slipway.Server.Audit;
using Slipway.Server.People;
using Slipway.Server.Sessions;
using Slipway.Server.Storage;

namespace Slipway.Server.Pages;

/// <summary>Signing in and out, and accepting an invitation.</summary>
internal static class SignInPages
{
    public static void MapSignIn(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/sign-in", (HttpContext http, SettledUrl url, string? to) =>
            PageGate.VisitorOf(http) is not null ? Results.Redirect(PageGate.LocalPath(to)) : Form(url.Options, to, ""));
        pages.MapPost("/sign-in", SignInAsync);
        pages.MapPost("/sign-out", SignOutAsync);
        pages.MapGet("/invitations/{secret}", (HttpContext http, UserStore users, SettledUrl url, TimeProvider clock, string secret) =>
            Find(users, clock, secret) is { } invitation ? Invitation(http, users, url.Options, secret, invitation, "") : Over());
        pages.MapPost("/invitations/{secret}", AcceptAsync);
    }

    /// <summary>Also what the identity provider's answer leads to when nobody is let in.</summary>
    public static Page Form(ServerOptions options, string? to, string problem, string email = "") => new(
        "Sign in",
        Html.Of(
            $"""
            <div class="card">
            {Pages.Form.Problem(problem)}
            <form method="post" action="/sign-in">
            <input type="hidden" name="to" value="{PageGate.LocalPath(to)}">
            <label>Email<input type="email" name="email" value="{email}" autocomplete="username" required autofocus></label>
            <label>Password<input type="password" name="password" autocomplete="current-password" required></label>
            <button>Sign in</button>
            </form>
            {Provider(options, to)}
            </div>
            <p class="soft">No account? An owner of your organization invites you, on its page “People”.</p>
            """))
    {
        Status = problem.Length == 0 ? StatusCodes.Status200OK : StatusCodes.Status403Forbidden,
    };

    private static Html Provider(ServerOptions options, string? to) => options.SignInIssuer is not { } issuer ? Html.Nothing : Html.Of(
        $"""<hr><a class="button quiet" href="{ProviderSignIn.StartPath}?to={Uri.EscapeDataString(PageGate.LocalPath(to))}">Sign in with {options.SignInName ?? new Uri(issuer).Host}</a>""");

    private static async Task<IResult> SignInAsync(HttpContext http, SignIn signIn, SettledUrl url)
    {
        var form = await http.Request.ReadFormAsync(http.RequestAborted);
        var email = form["email"].ToString();
        return await signIn.WithPasswordAsync(http, email, form["password"].ToString()) is { } problem
            ? Form(url.Options, form["to"], problem, email)
            : Results.Redirect(PageGate.LocalPath(form["to"]));
    }

    private static async Task<IResult> SignOutAsync(HttpContext http, SignIn signIn)
    {
        if (PageGate.VisitorOf(http) is { } visitor)
        {
            await signIn.EndAsync(http, visitor);
        }

        return Results.Redirect("/");
    }

    private static Member? Find(UserStore users, TimeProvider clock, string secret) => users.FindInvitation(TokenText.Hash(secret), clock.Now());

    private static Page Invitation(
        HttpContext http, UserStore users, ServerOptions options, string secret, Member invitation, string problem)
    {
        var visitor = PageGate.VisitorOf(http);
        var known = users.FindByEmail(invitation.Email) is not null;
        var form = (visitor?.User.Email == invitation.Email, known) switch
        {
            (true, _) => Html.Of($"""<form method="post">{PageFrame.Key(visitor!)}<button>Accept</button></form>"""),
            (false, true) => Html.Of(
                $"""<p>You have an account: sign in with it to accept.</p><a class="button" href="/sign-in?to={Uri.EscapeDataString("/invitations/" + secret)}">Sign in</a>"""),
            _ when visitor is not null => Html.Of($"<p>You are signed in as somebody else. Sign out first.</p>"),
            _ => Html.Of(
                $"""
                <form method="post">
                <label>Email<input type="email" name="username" value="{invitation.Email}" autocomplete="username" readonly></label>
                <label>Choose a password<input type="password" name="password" autocomplete="new-password" minlength="{Passwords.LengthMin}" required autofocus></label>
                <p class="soft">{Passwords.LengthMin} characters or more. Four words do.</p>
                <button>Create the account</button>
                </form>
                {Provider(options, "/")}
                """),
        };
        return new Page(
            "You are invited",
            Html.Of($"""<div class="card">{Pages.Form.Problem(problem)}<p><strong>{invitation.Email}</strong> may join this Slipway as {invitation.Role}.</p>{form}</div>"""))
        {
            Status = problem.Length == 0 ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest,
        };
    }

    private static async Task<IResult> AcceptAsync(
        HttpContext http, UserStore users, Passwords passwords, SignIn signIn, SettledUrl url, Denials denials, Replays replays, TimeProvider clock, string secret)
    {
        var visitor = PageGate.VisitorOf(http);
        if (Find(users, clock, secret) is not { } invitation)
        {
            return Refuse(http, visitor, denials, replays, secret);
        }

        var mine = visitor?.User.Email == invitation.Email;
        if (!mine && (visitor is not null || users.FindByEmail(invitation.Email) is not null))
        {
            return Invitation(http, users, url.Options, secret, invitation, "");
        }

        var password = mine ? "" : (await http.Request.ReadFormAsync(http.RequestAborted))["password"].ToString();
        if (!mine && Passwords.Judge(password, invitation.Email) is { } problem)
        {
            return Invitation(http, users, url.Options, secret, invitation, problem);
        }

        var user = new User
        {
            Id = Ids.User(),
            Email = invitation.Email,
            PasswordHash = mine ? null : await passwords.HashAsync(password, http.RequestAborted),
            CreatedAt = clock.Now(),
        };
        var record = new AuditEntry
        {
            At = clock.Now(),
            Actor = $"user {invitation.Email}",
            ActorId = visitor?.User.Id ?? user.Id,
            Address = Access.CallerFeature.Address(http),
            Action = "user.join",
        };
        if (await users.AcceptAsync(TokenText.Hash(secret), user, record, http.RequestAborted) is not { } joined)
        {
            return Refuse(http, visitor, denials, replays, secret);
        }

        replays.Spend(TokenText.Hash(secret), invitation.ExpiresAt ?? long.MaxValue);

        if (!mine)
        {
            await signIn.OpenAsync(http, joined, "invitation");
        }

        return Results.Redirect("/");
    }

    private static IResult Refuse(HttpContext http, Visitor? visitor, Denials denials, Replays replays, string secret)
    {
        var caller = visitor?.Caller ?? Access.Caller.Refused("") with { Address = Access.CallerFeature.Address(http) };
        var spent = replays.IsSpent(TokenText.Hash(secret));
        denials.Add(caller, "invitation.accept", spent ? "the invitation was used before" : "there is no such invitation (any more)");
        if (spent)
        {
            replays.Tell(Replays.Invitation, caller.Address);
        }

        return Over();
    }

    private static Page Over() => new(
        "This invitation is over", Html.Of($"<p>It was used, it was replaced by a newer one, or its time has passed. Ask for a new one.</p>"))
    {
        Status = StatusCodes.Status404NotFound,
    };
}
