namespace Slipway.Server.Pages;

/// <summary>Leads whoever is not signed in to the place where they can, and back here afterwards.</summary>
internal sealed class OnlySignedIn : IEndpointFilter
{
    public ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next) =>
        PageGate.VisitorOf(context.HttpContext) is null ? ValueTask.FromResult<object?>(SignIn(context.HttpContext.Request)) : next(context);

    public static IResult SignIn(HttpRequest asked)
    {
        // A form that was sent too late cannot be sent again by a redirect: back to the site's front.
        var path = HttpMethods.IsGet(asked.Method) ? $"{asked.Path}{asked.QueryString}" : "/";
        return Results.Redirect($"/sign-in?to={Uri.EscapeDataString(path)}");
    }
}
