using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Slipway.Tests.Cli;

/// <summary>A registry's manifests behind the token protocol of distribution: no token, no answer.</summary>
internal sealed class RegistryDouble : IAsyncDisposable
{
    private readonly WebApplication _app;

    private RegistryDouble(WebApplication app) => _app = app;

    /// <summary>As an image name begins with it.</summary>
    public string Host { get; private set; } = "";

    /// <summary>By <c>REPOSITORY:REFERENCE</c>.</summary>
    public ConcurrentDictionary<string, (string MediaType, string Content)> Manifests { get; } = new();

    /// <summary>Every scope that a token was asked for.</summary>
    public ConcurrentQueue<string> Scopes { get; } = new();

    public static async Task<RegistryDouble> StartAsync()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var registry = new RegistryDouble(builder.Build());
        registry._app.Run(registry.ServeAsync);
        await registry._app.StartAsync();
        var address = registry._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        registry.Host = new Uri(address).Authority;
        return registry;
    }

    public string Add(string repository, string mediaType, string content)
    {
        var digest = $"sha256:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content)))}";
        Manifests[$"{repository}:{digest}"] = (mediaType, content);
        return digest;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private Task ServeAsync(HttpContext context) =>
        context.Request.Path == "/token" ? GiveTokenAsync(context) : ServeManifestAsync(context);

    private Task GiveTokenAsync(HttpContext context)
    {
        Scopes.Enqueue(context.Request.Query["scope"].ToString());
        if (context.Request.Headers.Authorization != $"Basic {Convert.ToBase64String("me:secret"u8)}")
        {
            context.Response.StatusCode = 401;
            return Task.CompletedTask;
        }

        return context.Response.WriteAsync("""{"token":"t0k3n","expires_in":60}""");
    }

    private async Task ServeManifestAsync(HttpContext context)
    {
        if (context.Request.Headers.Authorization != "Bearer t0k3n")
        {
            context.Response.StatusCode = 401;
            context.Response.Headers.WWWAuthenticate = $"Bearer realm=\"http://{Host}/token\",service=\"the \\\"registry\\\"\",scope=\"repository:x:pull\"";
            await context.Response.WriteAsync("""{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}""");
            return;
        }

        var parts = context.Request.Path.Value!["/v2/".Length..].Split("/manifests/");
        var key = $"{parts[0]}:{parts[1]}";
        if (context.Request.Method == "PUT")
        {
            using var body = new StreamReader(context.Request.Body);
            Manifests[key] = (context.Request.ContentType!, await body.ReadToEndAsync());
            context.Response.StatusCode = 201;
        }
        else if (Manifests.TryGetValue(key, out var found))
        {
            context.Response.ContentType = found.MediaType;
            await context.Response.WriteAsync(found.Content);
        }
        else
        {
            context.Response.StatusCode = 404;
            await context.Response.WriteAsync("""{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}""");
        }
    }
}
