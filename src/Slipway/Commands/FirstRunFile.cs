using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Server;
using Slipway.Server.Storage;

namespace Slipway.Commands;

/// <summary><c>credentials.json</c>: what the first run made, for scripts and for the person who started it.</summary>
internal static class FirstRunFile
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static async Task SettleAsync(RunningServer server, ServerOptions options, CancellationToken cancellation)
    {
        var path = Path.Combine(options.DataDirectory, "credentials.json");
        var url = UrlOf(server, options);
        if (await server.SetUpAsync(cancellation) is { } first)
        {
            var made = new JsonObject
            {
                ["apiUrl"] = url,
                ["organizationId"] = first.OrganizationId,
                ["projectId"] = first.ProjectId,
                ["token"] = first.Token,
            };
            PrivateFile.Write(path, made.ToJsonString(Indented) + "\n");
        }
        else
        {
            Move(path, url);
        }
    }

    /// <summary>Where people reach the server: an address that listens everywhere is reached here on loopback.</summary>
    public static string UrlOf(RunningServer server, ServerOptions options)
    {
        if (options.PublicUrl is { } url)
        {
            return url.TrimEnd('/');
        }

        var everywhere = IPAddress.TryParse(server.Url.Host.Trim('[', ']'), out var address)
            && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any));
        return everywhere ? $"{server.Url.Scheme}://127.0.0.1:{server.Url.Port}" : server.Url.GetLeftPart(UriPartial.Authority);
    }

    // A server that was started with another address still has the same credentials.
    private static void Move(string path, string url)
    {
        try
        {
            if (File.Exists(path) && JsonNode.Parse(File.ReadAllText(path)) is JsonObject known && (string?)known["apiUrl"] != url)
            {
                known["apiUrl"] = url;
                PrivateFile.Write(path, known.ToJsonString(Indented) + "\n");
            }
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            // Somebody else's file by now; the server does not need it.
        }
    }
}
