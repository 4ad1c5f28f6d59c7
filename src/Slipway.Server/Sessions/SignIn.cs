using System.Security.Cryptography;
using Slipway.Contract.Tokens;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.People;
using Slipway.Server.Storage;

namespace Slipway.Server.Sessions;

/// <summary>Opens, recognizes and ends browser sessions.</summary>
internal sealed class SignIn(SessionStore sessions, UserStore users, Passwords passwords, Denials denials, SettledUrl url, TimeProvider clock)
{
    private static readonly TimeSpan LifeMax = TimeSpan.FromDays(7);
    private static readonly long IdleMax = TimeSpan.FromHours(12).Milliseconds();
    private static readonly long SeenEvery = TimeSpan.FromMinutes(5).Milliseconds();

    // OWASP ASVS 6.3.1: few enough to guess nothing, enough for a person; per account and per address.
    private readonly AttemptLimit _byAccount = new(10, TimeSpan.FromMinutes(15), clock);
    private readonly AttemptLimit _byAddress = new(50, TimeSpan.FromMinutes(15), clock);

    // A cookie that only this host can set, and only over TLS (RFC 6265bis section 4.1.3.2); cleartext servers cannot have that.
    private string CookieName => url.IsHttps ? "__Host-slipway" : "slipway";

    /// <summary>Signs a person in with a password; otherwise says why not, in the same words for a wrong name and a wrong password.</summary>
    public async Task<string?> WithPasswordAsync(HttpContext http, string email, string password)
    {
        var account = Emails.Normalize(email) ?? "";
        if (_byAccount.IsExhausted(account) || _byAddress.IsExhausted(http.Address()))
        {
            Deny(http, account, "too many attempts to sign in");
            return "Too many attempts. Wait a quarter of an hour, then try again.";
        }

        var user = users.FindByEmail(account);
        if (password.Length > Passwords.LengthMax || !await passwords.CheckAsync(user, password, http.RequestAborted))
        {
            _byAccount.Count(account);
            _byAddress.Count(http.Address());
            Deny(http, account, "wrong name or password");
            return "No account has this address and password.";
        }

        await OpenAsync(http, user!, "password");
        return null;
    }

    /// <summary>A new session, whatever the browser had before: nobody can leave one behind for somebody else to sign in to.</summary>
    public async Task OpenAsync(HttpContext http, User user, string with)
    {
        var secret = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        var now = clock.Now();
        var session = new Session
        {
            Hash = TokenText.Hash(secret),
            UserId = user.Id,
            CreatedAt = now,
            LastSeenAt = now,
            ExpiresAt = now + LifeMax.Milliseconds(),
        };
        await sessions.AddAsync(session, Record(http, user, "session.open") with { Detail = with }, http.RequestAborted);
        http.Response.Cookies.Append(CookieName, secret, Options());
    }

    /// <summary>Who sits at the browser; null for nobody.</summary>
    public async Task<Visitor?> RecognizeAsync(HttpContext http)
    {
        if (http.Request.Cookies[CookieName] is not { Length: 64 } secret || sessions.Find(TokenText.Hash(secret)) is not { } session)
        {
            return null;
        }

        var now = clock.Now();
        if (session.ExpiresAt <= now || session.LastSeenAt + IdleMax <= now || users.Find(session.UserId) is not { } user)
        {
            return null;
        }

        if (session.LastSeenAt + SeenEvery <= now)
        {
            await sessions.MarkSeenAsync(session.Hash, now, http.RequestAborted);
        }

        var caller = new Caller
        {
            Kind = user.Operator ? CallerKind.Operator : CallerKind.User,
            Name = $"user {user.Email}",
            UserId = user.Id,
            Roles = users.RolesOf(user.Id),
            Address = http.Address(),
        };
        return new Visitor(user, caller, session.Hash, TokenText.Hash("form " + secret));
    }

    public async Task EndAsync(HttpContext http, Visitor visitor)
    {
        await sessions.RemoveAsync(visitor.SessionHash, Record(http, visitor.User, "session.end"), http.RequestAborted);
        http.Response.Cookies.Delete(CookieName, Options());
    }

    private CookieOptions Options() => new() { HttpOnly = true, Secure = url.IsHttps, SameSite = SameSiteMode.Lax, Path = "/", MaxAge = LifeMax };

    private AuditEntry Record(HttpContext http, User user, string action) => new()
    {
        At = clock.Now(),
        Actor = $"user {user.Email}",
        ActorId = user.Id,
        Address = http.Address(),
        Action = action,
        Target = $"user {user.Email}",
    };

    // The name that was tried is what somebody typed, maybe a password: only an account's own is kept.
    private void Deny(HttpContext http, string account, string why)
    {
        var name = users.FindByEmail(account) is { } user ? $"user {user.Email}" : "anonymous";
        denials.Add(new Caller { Kind = CallerKind.Anonymous, Name = name, Address = http.Address() }, "session.open", why);
    }
}

/// <summary>A person who is signed in.</summary>
/// <param name="FormKey">Goes into every form and must come back with it: another site cannot read it.</param>
internal sealed record Visitor(User User, Caller Caller, string SessionHash, string FormKey);
