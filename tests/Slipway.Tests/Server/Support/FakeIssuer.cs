using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Tokens;

namespace Slipway.Tests.Server.Support;

/// <summary>A CI provider's issuer on loopback: a discovery document, published keys, and tokens signed with them.</summary>
internal sealed class FakeIssuer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Dictionary<string, RSA> _keys = new(StringComparer.Ordinal) { ["one"] = RSA.Create(2048) };

    private FakeIssuer(WebApplication app) => _app = app;

    public string Url { get; private set; } = "";

    /// <summary>Every path that anybody asked for.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>What the discovery document says instead; null: the truth.</summary>
    public Func<HttpContext, Task>? Answer { get; set; }

    public bool IsDown { get; set; }

    /// <summary>Keys that it publishes besides its own.</summary>
    public List<JsonObject> Published { get; } = [];

    public RSA Key => _keys["one"];

    public int Port { get; private set; }

    /// <param name="tls">What it proves itself with; it is then reached at <paramref name="url"/>, by whoever finds the way.</param>
    public static async Task<FakeIssuer> StartAsync(X509Certificate2? tls = null, string? url = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            if (tls is not null)
            {
                listen.UseHttps(tls);
            }
        }));
        var issuer = new FakeIssuer(builder.Build());
        issuer._app.Run(issuer.ServeAsync);
        await issuer._app.StartAsync();
        (issuer.Url, issuer.Port) = (url ?? issuer._app.Urls.First(), new Uri(issuer._app.Urls.First()).Port);
        return issuer;
    }

    public void Rotate(string name, bool keepOld = false)
    {
        if (!keepOld)
        {
            _keys.Clear();
        }

        _keys[name] = RSA.Create(2048);
    }

    /// <summary>Claims of a Buildkite job of acme/app, as its agents get them.</summary>
    public JsonObject Buildkite(string audience, DateTimeOffset now) => new()
    {
        ["iss"] = Url,
        ["sub"] = "organization:acme:pipeline:app:ref:refs/heads/main:commit:9f3182061f1e2cca4702c368cbc039b7dc9d4485:step:build",
        ["aud"] = audience,
        ["iat"] = now.ToUnixTimeSeconds(),
        ["nbf"] = now.ToUnixTimeSeconds(),
        ["exp"] = now.AddMinutes(5).ToUnixTimeSeconds(),
        ["organization_slug"] = "acme",
        ["pipeline_slug"] = "app",
        ["build_number"] = 7,
        ["build_branch"] = "main",
        ["build_tag"] = null,
        ["build_commit"] = "9f3182061f1e2cca4702c368cbc039b7dc9d4485",
        ["step_key"] = "build",
        ["job_id"] = "0184990a-477b-4fa8-9968-496074483cee",
        ["agent_id"] = "0184990a-4782-42b5-afc1-16715b10b8ff",
        ["build_source"] = "webhook",
        ["runner_environment"] = "self-hosted",
    };

    public string Sign(JsonObject claims, string key = "one", JsonObject? header = null) =>
        Sign((header ?? new JsonObject { ["typ"] = "JWT", ["alg"] = "RS256", ["kid"] = key }).ToJsonString(), claims.ToJsonString(), key);

    public string Sign(string header, string claims, string key = "one")
    {
        var signed = $"{Base64UrlEncoder.Encode(header)}.{Base64UrlEncoder.Encode(claims)}";
        var signature = _keys[key].SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return $"{signed}.{Base64UrlEncoder.Encode(signature)}";
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(new CancellationToken(canceled: true));
        await _app.DisposeAsync();
        foreach (var key in _keys.Values)
        {
            key.Dispose();
        }
    }

    /// <summary>Who is signed in at this provider.</summary>
    public JsonObject Person { get; set; } = [];

    /// <summary>What a person's token says besides, for provoking refusals.</summary>
    public Action<JsonObject>? Spoil { get; set; }

    private (string Challenge, string Nonce, string Redirect, string Client) _authorizing;

    private Task Authorize(HttpContext http)
    {
        var query = http.Request.Query;
        _authorizing = (query["code_challenge"]!, query["nonce"]!, query["redirect_uri"]!, query["client_id"]!);
        var valid = query["code_challenge_method"] == "S256" && query["response_type"] == "code" && _authorizing.Nonce.Length > 20;
        http.Response.Redirect($"{_authorizing.Redirect}?code={(valid ? "the-code" : "bad")}&state={Uri.EscapeDataString(query["state"]!)}");
        return Task.CompletedTask;
    }

    private async Task TokenAsync(HttpContext http)
    {
        var form = await http.Request.ReadFormAsync();
        var challenge = Base64UrlEncoder.Encode(SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"].ToString())));
        if (form["code"] != "the-code" || challenge != _authorizing.Challenge || form["client_secret"] != "client secret"
            || form["redirect_uri"] != _authorizing.Redirect)
        {
            http.Response.StatusCode = 400;
            await http.Response.WriteAsJsonAsync(new JsonObject { ["error"] = "invalid_grant" });
            return;
        }

        var now = DateTimeOffset.UtcNow;
        var claims = (JsonObject)Person.DeepClone();
        (claims["iss"], claims["aud"], claims["nonce"]) = (Url, _authorizing.Client, _authorizing.Nonce);
        (claims["iat"], claims["exp"]) = (now.ToUnixTimeSeconds(), now.AddMinutes(5).ToUnixTimeSeconds());
        Spoil?.Invoke(claims);
        await http.Response.WriteAsJsonAsync(new JsonObject { ["access_token"] = "x", ["token_type"] = "Bearer", ["id_token"] = Sign(claims) });
    }

    private Task ServeAsync(HttpContext http)
    {
        Requests.Enqueue(http.Request.Path);
        if (IsDown)
        {
            http.Response.StatusCode = 503;
            return Task.CompletedTask;
        }

        if (Answer is { } other)
        {
            return other(http);
        }

        return http.Request.Path.Value switch
        {
            "/.well-known/openid-configuration" => http.Response.WriteAsync(new JsonObject
            {
                ["issuer"] = Url,
                ["jwks_uri"] = Url + "/.well-known/jwks",
                ["authorization_endpoint"] = Url + "/authorize",
                ["token_endpoint"] = Url + "/token",
                ["userinfo_endpoint"] = Url + "/userinfo",
            }.ToJsonString()),
            "/authorize" => Authorize(http),
            "/token" => TokenAsync(http),
            "/userinfo" => http.Response.WriteAsJsonAsync(Person),
            "/.well-known/jwks" => http.Response.WriteAsync(Jwks()),
            _ => Task.FromResult(http.Response.StatusCode = 404),
        };
    }

    public string Jwks() => JsonSerializer.Serialize(new
    {
        keys = _keys.Select(pair =>
        {
            var public_ = pair.Value.ExportParameters(false);
            return new JsonObject
            {
                ["kty"] = "RSA",
                ["use"] = "sig",
                ["alg"] = "RS256",
                ["kid"] = pair.Key,
                ["n"] = Base64UrlEncoder.Encode(public_.Modulus),
                ["e"] = Base64UrlEncoder.Encode(public_.Exponent),
            };
        }).Concat(Published),
    });
}
