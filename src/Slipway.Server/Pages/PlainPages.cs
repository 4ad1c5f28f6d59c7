using System.Net;
using System.Text;
using Slipway.Server.Builders;
using Slipway.Server.Builds;
using Slipway.Server.Storage;

namespace Slipway.Server.Pages;

/// <summary>What a browser or a monitor sees: health, metrics, and plain pages that say what this is.</summary>
internal static class PlainPages
{
    public static void MapPlainPages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/healthz", () => "ok\n");
        routes.MapGet("/readyz", Ready);
        routes.MapGet("/metrics", (ServerMetrics metrics, Fleet fleet, BuildStore builds) => Results.Text(
            metrics.Render(fleet.Attached.Count, builds.ListRunning().Count), "text/plain; version=0.0.4; charset=utf-8", Encoding.UTF8));
        routes.MapGet("/", () => Page(
            "Slipway",
            "<p>This is a Slipway server: it runs <code>docker build</code> on remote builders that keep a warm cache.</p>"
            + "<p>Build with it: <code>DEPOT_API_URL=&lt;this address&gt; DEPOT_TOKEN=&lt;token&gt; depot build .</code></p>"));

        // Says the same for every id: a stranger must not learn which builds exist.
        routes.MapGet("/builds/{id}", (string id) => Page(
            $"Build {id}",
            $"<p>Its steps and log: <code>slipway admin build show {WebUtility.HtmlEncode(id)}</code> and "
            + $"<code>slipway admin build logs {WebUtility.HtmlEncode(id)}</code>.</p>"));
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

    private static IResult Page(string title, string body)
    {
        var safe = WebUtility.HtmlEncode(title);
        return Results.Content(
            $"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{safe}</title><h1>{safe}</h1>{body}</html>",
            "text/html; charset=utf-8",
            Encoding.UTF8);
    }
}
