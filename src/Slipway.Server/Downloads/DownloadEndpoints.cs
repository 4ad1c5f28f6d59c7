using System.Text;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace Slipway.Server.Downloads;

/// <summary>The installer and what it fetches. The paths are the published installer's.</summary>
internal static class DownloadEndpoints
{
    private static readonly string[] Reading = [HttpMethods.Get, HttpMethods.Head];

    public static void MapDownloads(this IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/install-cli.sh", Reading, (HttpContext http, DownloadShelf shelf, SettledUrl settled) => Script(http, shelf, settled, InstallScript.Shell));
        routes.MapMethods("/install-cli.ps1", Reading, (HttpContext http, DownloadShelf shelf, SettledUrl settled) => Script(http, shelf, settled, InstallScript.PowerShell));
        routes.MapMethods("/cli/download/{system}/{processor}/{version}", Reading, Find);
        routes.MapMethods("/cli/archives/{file}", Reading, Fetch);
    }

    private static IResult Script(HttpContext http, DownloadShelf shelf, SettledUrl settled, InstallScript script)
    {
        http.Response.Headers.CacheControl = "no-cache";
        if (shelf.Archives.Count == 0)
        {
            return Text(StatusCodes.Status404NotFound, script.Refuse(Missing(shelf)));
        }

        var server = settled.Options.PublicUrl ?? $"{http.Request.Scheme}://{http.Request.Host}";
        try
        {
            return Text(StatusCodes.Status200OK, script.Render(server, shelf.SigningKey));
        }
        catch (FormatException)
        {
            return Text(StatusCodes.Status400BadRequest, script.Refuse("the address that this server was asked under is malformed"));
        }
    }

    /// <summary>Where the archive is: relative, so that it holds behind any proxy and below any path.</summary>
    private static IResult Find(string system, string processor, string version, HttpContext http, DownloadShelf shelf)
    {
        if (shelf.Find(system, processor, version) is not { } archive)
        {
            return Text(StatusCodes.Status404NotFound, $"there is no depot {version} for {system}/{processor} here: {Missing(shelf)}\n");
        }

        http.Response.Headers.CacheControl = "no-cache";
        http.Response.Headers.Location = $"../../../archives/{Uri.EscapeDataString(archive.File)}";
        return Results.StatusCode(StatusCodes.Status302Found);
    }

    private static IResult Fetch(string file, DownloadShelf shelf)
    {
        if (shelf.PathOf(file) is not { } path)
        {
            return Text(StatusCodes.Status404NotFound, $"there is no such file here: {Missing(shelf)}\n");
        }

        var changed = File.GetLastWriteTimeUtc(path);
        var tag = WebEncoders.Base64UrlEncode(BitConverter.GetBytes(changed.Ticks ^ new FileInfo(path).Length));
        var type = file is DownloadShelf.SumsFile or DownloadShelf.KeyFile
            ? "text/plain; charset=utf-8"
            : "application/octet-stream";
        return Results.File(path, type, lastModified: changed, entityTag: new EntityTagHeaderValue($"\"{tag}\""), enableRangeProcessing: true);
    }

    private static string Missing(DownloadShelf shelf) =>
        $"this server has {shelf.Describe()}. Its operator adds others: ./build --all makes them, --downloads names their folder";

    private static IResult Text(int status, string text) => Results.Text(text, "text/plain; charset=utf-8", Encoding.UTF8, status);
}
