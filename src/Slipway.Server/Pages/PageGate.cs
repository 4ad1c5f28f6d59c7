using Slipway.Contract.Connect;
using Slipway.Server.Audit;
using Slipway.Server.Sessions;

namespace Slipway.Server.Pages;

/// <summary>What happens around every page: who looks, whether a form is this site's own, and how a refusal looks.</summary>
internal sealed class PageGate(SignIn signIn, Denials denials, SettledUrl url) : IEndpointFilter
{
    private const string VisitorKey = "slipway.visitor";

    public static Visitor? VisitorOf(HttpContext http) => http.Items[VisitorKey] as Visitor;

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        PageFrame.Guard(http.Response, url.IsHttps);
        var visitor = await signIn.RecognizeAsync(http);
        http.Items[VisitorKey] = visitor;
        if (HttpMethods.IsPost(http.Request.Method) && !await IsOwnFormAsync(http, visitor))
        {
            Deny(visitor, http, "a form from elsewhere");
            return PageFrame.Show(
                "This form is not from here",
                Html.Of($"<p>It was sent by another site, or you have signed in or out since it was opened. <a href=\"/\">Begin again</a>.</p>"),
                visitor,
                StatusCodes.Status403Forbidden);
        }

        try
        {
            return await next(context);
        }
        catch (ApiException refused) when (refused.Code is ConnectCode.PermissionDenied)
        {
            // Absent and forbidden look alike here, too.
            Deny(visitor, http, refused.Message);
            return PageFrame.Show(
                "Not found", Html.Of($"<p>There is no such page, or your account does not reach it.</p>"), visitor, StatusCodes.Status404NotFound);
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

    private void Deny(Visitor? visitor, HttpContext http, string why)
    {
        var caller = visitor?.Caller ?? new Access.Caller { Kind = Access.CallerKind.Anonymous, Name = "anonymous", Address = Access.CallerFeature.Address(http) };

        // The page's pattern, not its path: an invitation's path holds the invitation.
        denials.Add(caller, $"{http.Request.Method} {(http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText}", why);
    }
}
