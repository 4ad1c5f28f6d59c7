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

    /// <summary>What a form carries so that it is known to be this visitor's.</summary>
    public static Html Key(Visitor visitor) => Html.Of($"""<input type="hidden" name="key" value="{visitor.FormKey}">""");

    /// <param name="bar">What stands beside the name of the site.</param>
    /// <param name="above">What stands above the heading.</param>
    public static Html Top(string title, Html bar, Html above) => Html.Of(
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
        <a class="skip" href="#main">To the content</a>
        <header><a class="brand" href="/">Slipway</a>{bar}</header>
        <main id="main">
        {above}
        <h1>{title}</h1>

        """);

    public static Html Bottom { get; } = new("\n</main>\n</body>\n</html>\n");
}
