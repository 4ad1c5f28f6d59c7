using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Slipway.AcceptanceTests.Pipelines;

/// <summary>agent.buildkite.com, as far as a job needs it: OIDC tokens for running jobs, and the documents to verify them with.</summary>
/// <remarks>
/// After Buildkite's documentation of OIDC and the agent's public API client: <c>POST /v3/jobs/{id}/oidc/tokens</c> with the job's
/// access token (<c>Authorization: Token …</c>) and <c>{"audience", "lifetime", "claims", "subject_claim"}</c> answers <c>{"token"}</c>; a token lives five
/// minutes if nobody asks for less or more. Errors are <c>{"message"}</c>.
/// </remarks>
internal sealed class BuildkiteApi : IAsyncDisposable
{
    public const string Issuer = "https://agent.buildkite.com";

    private readonly SigningKey _key = new();
    private readonly ConcurrentDictionary<string, BuildkiteJob> _jobs = new();
    private readonly WebApplication _app;

    private BuildkiteApi(WebApplication app, string url) => (_app, Url) = (app, url);

    /// <summary>Where it is, and what its tokens say that it is.</summary>
    public string Url { get; }

    /// <summary>Every token that was given out: no log may hold one.</summary>
    public ConcurrentQueue<string> Tokens { get; } = new();

    public static async Task<BuildkiteApi> StartAsync(Socket listener, string certificate, string key)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        var loaded = X509CertificateLoader.LoadPkcs12(X509Certificate2.CreateFromPem(certificate, key).Export(X509ContentType.Pkcs12), null);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenHandle((ulong)listener.Handle, listen => listen.UseHttps(loaded)));
        return await StartAsync(builder.Build(), Issuer);
    }

    /// <summary>In the clear on loopback, for a server that was told to believe it.</summary>
    public static Task<BuildkiteApi> StartAsync(int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenLocalhost(port));
        return StartAsync(builder.Build(), $"http://localhost:{port}");
    }

    private static async Task<BuildkiteApi> StartAsync(WebApplication app, string url)
    {
        var api = new BuildkiteApi(app, url);
        api._app.MapGet("/.well-known/openid-configuration", api.Discovery);
        api._app.MapGet("/.well-known/jwks", api.Keys);
        api._app.MapPost("/v3/jobs/{id}/oidc/tokens", api.IssueAsync);
        await api._app.StartAsync();
        return api;
    }

    public void Add(BuildkiteJob job) => _jobs[job.Id] = job;

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _key.Dispose();
    }

    private IResult Discovery() => Results.Json(new JsonObject
    {
        ["issuer"] = Url,
        ["jwks_uri"] = $"{Url}/.well-known/jwks",
        ["response_types_supported"] = new JsonArray("id_token"),
        ["subject_types_supported"] = new JsonArray("public", "pairwise"),
        ["id_token_signing_alg_values_supported"] = new JsonArray("RS256"),
    });

    private IResult Keys() => Results.Json(_key.Published());

    private async Task<IResult> IssueAsync(string id, HttpRequest request)
    {
        if (!_jobs.TryGetValue(id, out var job) || request.Headers.Authorization != $"Token {job.AccessToken}")
        {
            return Results.Json(new JsonObject { ["message"] = "Authentication failed" }, statusCode: StatusCodes.Status401Unauthorized);
        }

        if (!job.MayAskForTokens)
        {
            return Results.Json(new JsonObject { ["message"] = "OIDC tokens are not enabled for this job" }, statusCode: StatusCodes.Status403Forbidden);
        }

        var asked = (await JsonNode.ParseAsync(request.Body))!.AsObject();
        var token = _key.Sign(Claims(job, asked));
        Tokens.Enqueue(token);
        return Results.Json(new JsonObject { ["token"] = token });
    }

    private JsonObject Claims(BuildkiteJob job, JsonObject asked)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var lifetime = asked["lifetime"]?.GetValue<long>() is > 0 and var seconds ? seconds : 300;
        return new JsonObject
        {
            ["iss"] = Url,
            ["sub"] = $"organization:{job.Organization}:pipeline:{job.Pipeline}:ref:refs/heads/{job.Branch}:commit:{job.Commit}:step:{job.Step}",
            ["aud"] = asked["audience"]?.GetValue<string>() ?? $"https://buildkite.com/{job.Organization}",
            ["iat"] = now,
            ["nbf"] = now,
            ["exp"] = now + lifetime,
            ["organization_slug"] = job.Organization,
            ["pipeline_slug"] = job.Pipeline,
            ["build_number"] = job.BuildNumber,
            ["build_branch"] = job.Branch,
            ["build_tag"] = null,
            ["build_commit"] = job.Commit,
            ["build_source"] = "webhook",
            ["step_key"] = job.Step,
            ["job_id"] = job.Id,
            ["agent_id"] = job.AgentId,
            ["runner_environment"] = "self-hosted",
        };
    }
}
