using Slipway.Server.Access;
using Slipway.Server.Projects;

namespace Slipway.Server.Pages;

/// <summary>One page, as an answer: what is on it and where on the site it is.</summary>
internal sealed record Page(string Title, Html Body) : IResult
{
    public int Status { get; init; } = StatusCodes.Status200OK;

    public Place Place { get; init; } = Place.Nowhere;

    public Task ExecuteAsync(HttpContext httpContext)
    {
        Begin(httpContext);
        return httpContext.Response.WriteAsync(Top(httpContext).Markup + Body.Markup + PageFrame.Bottom.Markup, httpContext.RequestAborted);
    }

    /// <summary>The status and the headers; for a page that is sent piece by piece, as <see cref="Top"/> is.</summary>
    public void Begin(HttpContext http)
    {
        http.Response.StatusCode = Status;
        http.Response.ContentType = "text/html; charset=utf-8";
    }

    /// <summary>Everything before the body.</summary>
    public Html Top(HttpContext http)
    {
        var visitor = PageGate.VisitorOf(http);
        return visitor is null
            ? PageFrame.Top(Title, Html.Nothing, Html.Nothing)
            : PageFrame.Top(Title, Navigation.Bar(visitor, OrganizationsOf(http, visitor.Caller), Place), Navigation.Tabs(visitor.Caller, Place));
    }

    /// <summary>The organizations that somebody reaches, in the order of their making.</summary>
    public static IReadOnlyList<Organization> OrganizationsOf(HttpContext http, Caller caller) =>
    [
        .. http.RequestServices.GetRequiredService<ProjectStore>().ListOrganizations()
            .Where(organization => AccessControl.Reaches(caller, organization.Id, null)),
    ];
}
