using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Slipway.Tests.Server.Support;

/// <summary>Names and manifests of a registry as CNCF distribution 2.8 answers for them; it asks for a token and does not judge it.</summary>
internal sealed class FakeRegistry : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeRegistry(WebApplication app) => _app = app;

    public string Url { get; private set; } = "";

    /// <summary>By <c>REPOSITORY:TAG</c>, the digest.</summary>
    public ConcurrentDictionary<string, string> Tags { get; } = new();

    public ConcurrentDictionary<string, string> Manifests { get; } = new();

    /// <summary>As distribution 3 does; 2.8 knows digests only.</summary>
    public bool DeletesTags { get; set; }

    public static async Task<FakeRegistry> StartAsync()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var registry = new FakeRegistry(builder.Build());
        registry._app.Run(registry.ServeAsync);
        await registry._app.StartAsync();
        registry.Url = registry._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return registry;
    }

    public string Save(string repository, string tag, string manifest = """{"config":{"size":10},"layers":[{"size":100},{"size":1000}]}""")
    {
        var digest = $"sha256:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(manifest)))}";
        Manifests[digest] = manifest;
        if (tag.Length > 0)
        {
            Tags[$"{repository}:{tag}"] = digest;
        }

        return digest;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task ServeAsync(HttpContext http)
    {
        if (!http.Request.Headers.Authorization.ToString().StartsWith("Bearer ey", StringComparison.Ordinal))
        {
            http.Response.StatusCode = 401;
            return;
        }

        var parts = http.Request.Path.Value!["/v2/".Length..].Split('/');
        var (status, body) = parts[1] == "tags" ? List(http, parts[0]) : await ServeManifestAsync(http.Request, parts[0], parts[2]);
        http.Response.StatusCode = status;
        await http.Response.WriteAsync(body);
    }

    // Two at a time, so that whoever reads it has to follow the links.
    private (int Status, string Body) List(HttpContext http, string repository)
    {
        var last = http.Request.Query["last"].ToString();
        var tags = Tags.Keys.Where(key => key.StartsWith(repository + ":", StringComparison.Ordinal)).Select(key => key[(repository.Length + 1)..])
            .Where(tag => string.CompareOrdinal(tag, last) > 0).Order(StringComparer.Ordinal).ToList();
        if (tags.Count > 2)
        {
            http.Response.Headers.Link = $"</v2/{repository}/tags/list?last={tags[1]}&n=2>; rel=\"next\"";
        }

        return (200, JsonSerializer.Serialize(new { name = repository, tags = tags.Take(2) }));
    }

    private async Task<(int Status, string Body)> ServeManifestAsync(HttpRequest request, string repository, string reference)
    {
        var isDigest = reference.StartsWith("sha256:", StringComparison.Ordinal);
        switch (request.Method)
        {
            case "PUT":
                using (var body = new StreamReader(request.Body))
                {
                    Save(repository, reference, await body.ReadToEndAsync());
                }

                return (201, "");
            case "DELETE" when !isDigest && !DeletesTags:
                return (400, """{"errors":[{"code":"DIGEST_INVALID"}]}""");
            case "DELETE" when !isDigest:
                Tags.TryRemove($"{repository}:{reference}", out _);
                return (202, "");
            case "DELETE":
                foreach (var tag in Tags.Where(tag => tag.Value == reference && tag.Key.StartsWith(repository + ":", StringComparison.Ordinal)))
                {
                    Tags.TryRemove(tag);
                }

                return (202, "");
            default:
                var digest = isDigest ? reference : Tags.GetValueOrDefault($"{repository}:{reference}", "");
                return Manifests.TryGetValue(digest, out var manifest) ? (200, manifest) : (404, "");
        }
    }
}
