using System.Text;
using Slipway.Server.Sessions;

namespace Slipway.Server.Pages;

/// <summary>What all pages share: the frame, the style, and what the browser may do with them.</summary>
internal static class PageFrame
{
    public const string StylePath = "/assets/slipway.css";
    public const string IconPath = "/assets/slipway.svg";

    // Nothing runs and nothing comes from elsewhere; a page can be put into no frame, and its forms lead here only.
    private const string Policy =
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

    /// <summary>Headers of everything that a browser is meant to look at.</summary>
    public static void Guard(HttpResponse response, bool https)
    {
        var headers = response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";

        // Not "no-referrer": under that, browsers send forms with the origin "null".
        headers["Referrer-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
        if (https)
        {
            headers.StrictTransportSecurity = "max-age=31536000";
        }
    }

    public static IResult Show(string title, Html body, Visitor? visitor = null, int status = StatusCodes.Status200OK) =>
        Results.Content(Render(title, body, visitor), "text/html; charset=utf-8", Encoding.UTF8, status);

    /// <summary>What a form carries so that it is known to be this visitor's.</summary>
    public static Html Key(Visitor visitor) => Html.Of($"""<input type="hidden" name="key" value="{visitor.FormKey}">""");

    private static string Render(string title, Html body, Visitor? visitor) => Html.Of(
        $"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>{title} · Slipway</title>
        <link rel="stylesheet" href="{StylePath}">
        <link rel="icon" type="image/svg+xml" href="{IconPath}">
        </head>
        <body>
        <header><a class="brand" href="/">Slipway</a>{Person(visitor)}</header>
        <main>
        <h1>{title}</h1>
        {body}
        </main>
        </body>
        </html>
        """).Markup;

    private static Html Person(Visitor? visitor) => visitor is null ? Html.Nothing : Html.Of(
        $"""
        <form class="person" method="post" action="/sign-out">{Key(visitor)}<span>{visitor.User.Email}</span><button class="quiet">Sign out</button></form>
        """);
}
