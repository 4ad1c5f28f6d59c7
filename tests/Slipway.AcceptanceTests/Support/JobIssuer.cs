using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Slipway.AcceptanceTests.Support;

/// <summary>A CI provider on this machine without TLS: tokens with Buildkite's claims for whatever branch a test is on, and the documents to verify them with.</summary>
internal sealed class JobIssuer : IAsyncDisposable
{
    private readonly SigningKey _key = new();
    private readonly WebApplication _app;

    private JobIssuer(WebApplication app) => _app = app;

    public string Url => _app.Urls.Single();

    public static async Task<JobIssuer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{Parts.FreePort()}");
        var issuer = new JobIssuer(builder.Build());
        issuer._app.MapGet("/.well-known/openid-configuration", () => Results.Json(new JsonObject { ["issuer"] = issuer.Url, ["jwks_uri"] = $"{issuer.Url}/jwks" }));
        issuer._app.MapGet("/jwks", () => Results.Json(issuer._key.Published()));
        await issuer._app.StartAsync();
        return issuer;
    }

    public string Sign(string audience, string branch)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        return _key.Sign(new JsonObject
        {
            ["iss"] = Url,
            ["sub"] = $"organization:acme:pipeline:app:ref:refs/heads/{branch}",
            ["aud"] = audience,
            ["iat"] = now,
            ["exp"] = now + 300,
            ["jti"] = Guid.NewGuid().ToString(),
            ["organization_slug"] = "acme",
            ["pipeline_slug"] = "app",
            ["build_branch"] = branch,
        });
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _key.Dispose();
    }
}
