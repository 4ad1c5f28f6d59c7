using System.Security.Cryptography;
using Slipway.Contract.Connect;
using Slipway.Server.Audit;
using Slipway.Server.Sessions;

namespace Slipway.Server.Pages;

/// <summary>What happens around every page: who looks, whether a form is this site's own, and how a refusal looks.</summary>
internal sealed class PageGate(SignIn signIn, Denials denials, SettledUrl url, ILogger<PageGate> log) : IEndpointFilter
{
    private const string VisitorKey = "slipway.visitor";

    public static Visitor? VisitorOf(HttpContext http) => http.Items[VisitorKey] as Visitor;

    /// <summary>Behind <see cref="OnlySignedIn"/>, where there is one.</summary>
    public static Visitor Here(HttpContext http) => VisitorOf(http) ?? throw new InvalidOperationException("Nobody is signed in on this page.");

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        PageFrame.Guard(http.Response, url.IsHttps);
        var visitor = await signIn.RecognizeAsync(http);
        http.Items[VisitorKey] = visitor;
        if (!IsRead(http.Request.Method) && !await IsOwnFormAsync(http, visitor))
        {
            Deny(visitor, http, "a form from elsewhere");
            return new Page(
                "This form is not from here",
                Html.Of($"<p>It was sent by another site, or you have signed in or out since it was opened. <a href=\"/\">Begin again</a>.</p>"))
            {
                Status = StatusCodes.Status403Forbidden,
            };
        }

        try
        {
            return await next(context);
        }
        catch (ApiException refused)
        {
            return Refuse(visitor, http, refused);
        }
        catch (Exception failure) when (!http.RequestAborted.IsCancellationRequested)
        {
            var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));
            ServerLog.CallFailed(log, $"{http.Request.Method} {Pattern(http)}", id, failure);
            return new Page("The server failed", Html.Of($"<p>Its log has more under <code>{id}</code>.</p>")) { Status = StatusCodes.Status500InternalServerError };
        }
    }

    /// <summary>Where to go after signing in: a page of this site, nowhere else.</summary>
    public static string LocalPath(string? path) =>
        path is { Length: > 0 and < 500 } && path[0] == '/' && (path.Length == 1 || path[1] is not ('/' or '\\')) && !path.Any(char.IsControl)
            ? path : "/";

    // The browser says which site a form is from (W3C Fetch Metadata; over plain http only by Origin); a signed-in visitor's form also carries what only this site could put into it.
    private async Task<bool> IsOwnFormAsync(HttpContext http, Visitor? visitor)
    {
        var origin = http.Request.Headers.Origin.ToString();
        var site = http.Request.Headers["Sec-Fetch-Site"].ToString();
        var own = site.Length > 0
            ? site == "same-origin"
            : string.Equals(origin, url.Base, StringComparison.OrdinalIgnoreCase)
                || (Uri.TryCreate(origin, UriKind.Absolute, out var from) && from.Authority == http.Request.Host.Value);
        if (!own || !http.Request.HasFormContentType)
        {
            return false;
        }

        var form = await http.Request.ReadFormAsync(http.RequestAborted);
        return visitor is null || string.Equals(form["key"], visitor.FormKey, StringComparison.Ordinal);
    }

    private Page Refuse(Visitor? visitor, HttpContext http, ApiException refused)
    {
        if (refused.Code is not (ConnectCode.PermissionDenied or ConnectCode.Unauthenticated))
        {
            return new Page("That did not work", Html.Of($"""<p class="problem" role="alert">{refused.Message}</p>""")) { Status = Form.StatusOf(refused.Code) };
        }

        // Absent and forbidden look alike here, too.
        Deny(visitor, http, refused.Message);
        return new Page("Not found", Html.Of($"<p>There is no such page, or your account does not reach it.</p>")) { Status = StatusCodes.Status404NotFound };
    }

    private void Deny(Visitor? visitor, HttpContext http, string why)
    {
        var caller = visitor?.Caller ?? new Access.Caller { Kind = Access.CallerKind.Anonymous, Name = "anonymous", Address = Access.CallerFeature.Address(http) };

        // The page's pattern, not its path: an invitation's path holds the invitation.
        denials.Add(caller, $"{http.Request.Method} {Pattern(http)}", why);
    }

    private static bool IsRead(string method) => HttpMethods.IsGet(method) || HttpMethods.IsHead(method);

    private static string? Pattern(HttpContext http) => (http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
}
