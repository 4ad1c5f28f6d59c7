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
        var path = PathIn(options.DataDirectory);
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

    /// <summary>Where people reach the server.</summary>
    public static string UrlOf(RunningServer server, ServerOptions options) =>
        (options.PublicUrl ?? server.Url.GetLeftPart(UriPartial.Authority)).TrimEnd('/');

    /// <summary>Where people reach the server of a data folder, as its last start wrote it down.</summary>
    public static string? AddressIn(string folder) => (string?)Read(PathIn(folder))?["apiUrl"];

    // A server that was started with another address still has the same credentials.
    private static void Move(string path, string url)
    {
        if (Read(path) is not { } known || (string?)known["apiUrl"] == url)
        {
            return;
        }

        known["apiUrl"] = url;
        try
        {
            PrivateFile.Write(path, known.ToJsonString(Indented) + "\n");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The server does not need it.
        }
    }

    /// <returns>Null where the file is gone or somebody else's by now.</returns>
    private static JsonObject? Read(string path)
    {
        try
        {
            return File.Exists(path)
                && JsonNode.Parse(File.ReadAllText(path)) is JsonObject known
                && known["apiUrl"] is JsonValue url
                && url.TryGetValue<string>(out _)
                    ? known
                    : null;
        }
        catch (Exception failure) when (failure is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string PathIn(string folder) => Path.Combine(folder, "credentials.json");
}
