using System.Text;
using Slipway.Server.Builders;
using Slipway.Server.Builds;
using Slipway.Server.Storage;

namespace Slipway.Server.Pages;

/// <summary>Everything that a browser or a monitor sees: health and metrics, and the pages for people.</summary>
internal static class ServerPages
{
    public static void MapPages(this IEndpointRouteBuilder routes, ServerOptions options)
    {
        routes.MapGet("/healthz", () => "ok\n");
        routes.MapGet("/readyz", Ready);
        routes.MapGet("/metrics", (ServerMetrics metrics, Fleet fleet, BuildStore builds) => Results.Text(
            metrics.Render(fleet.Attached.Count, builds.CountRunning()), "text/plain; version=0.0.4; charset=utf-8", Encoding.UTF8));
        routes.MapAsset(PageFrame.StylePath, "text/css; charset=utf-8");
        routes.MapAsset(PageFrame.IconPath, "image/svg+xml");
        var pages = routes.MapGroup("").AddEndpointFilter<PageGate>();
        pages.MapFront();
        var signedIn = pages.MapGroup("").AddEndpointFilter<OnlySignedIn>();
        signedIn.MapOrganizations();
        signedIn.MapProjects();
        signedIn.MapTrust();
        signedIn.MapBuilds();
        signedIn.MapTokens();
        signedIn.MapPeople();
        signedIn.MapAudit();
        signedIn.MapBuilders();
        signedIn.MapAccount();
        pages.MapSignIn();
        pages.MapLogin();
        if (options.SignInIssuer is not null)
        {
            pages.MapProviderSignIn();
        }
    }

    private static IResult Ready(Database database, IHostApplicationLifetime lifetime)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return Results.Text("stopping\n", statusCode: StatusCodes.Status503ServiceUnavailable);
        }

        try
        {
            database.Probe();
            return Results.Text("ready\n");
        }
        catch (Microsoft.Data.Sqlite.SqliteException)
        {
            return Results.Text("the database does not answer\n", statusCode: StatusCodes.Status503ServiceUnavailable);
        }
    }

    // Assets are part of the program: there is no folder to serve from.
    private static void MapAsset(this IEndpointRouteBuilder routes, string path, string type)
    {
        using var resource = typeof(ServerPages).Assembly.GetManifestResourceStream($"Slipway.Server.Pages.{path.Split('/')[^1]}")!;
        using var read = new MemoryStream();
        resource.CopyTo(read);
        var bytes = read.ToArray();
        routes.MapGet(path, (HttpContext http) =>
        {
            http.Response.Headers.XContentTypeOptions = "nosniff";
            return Results.Bytes(bytes, type);
        });
    }
}
