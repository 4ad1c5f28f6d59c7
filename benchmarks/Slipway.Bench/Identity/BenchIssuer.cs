using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace Slipway.Bench.Identity;

/// <summary>A CI provider on loopback: it publishes one RSA key and signs tokens with it.</summary>
internal sealed class BenchIssuer : IAsyncDisposable
{
    private readonly RSA _key = RSA.Create(2048);
    private readonly WebApplication _app;

    private BenchIssuer(WebApplication app) => _app = app;

    public string Url => _app.Urls.First();

    public static async Task<BenchIssuer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var issuer = new BenchIssuer(builder.Build());
        issuer._app.MapGet("/.well-known/openid-configuration", () => new Dictionary<string, string>
        {
            ["issuer"] = issuer.Url, ["jwks_uri"] = issuer.Url + "/jwks",
        });
        issuer._app.MapGet("/jwks", () => issuer.Keys());
        await issuer._app.StartAsync();
        return issuer;
    }

    public string Token(string audience, string pipeline)
    {
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        var claims = new Dictionary<string, object>
        {
            ["iss"] = Url, ["aud"] = audience, ["iat"] = now, ["exp"] = now + 300, ["sub"] = pipeline,
            ["organization_slug"] = "acme", ["pipeline_slug"] = pipeline,
        };
        var text = $"{Encode("{\"alg\":\"RS256\",\"kid\":\"one\"}")}.{Encode(JsonSerializer.Serialize(claims))}";
        return $"{text}.{Base64Url.EncodeToString(_key.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}";
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _key.Dispose();
    }

    private Dictionary<string, object> Keys()
    {
        var shown = _key.ExportParameters(false);
        return new Dictionary<string, object>
        {
            ["keys"] = new[]
            {
                new Dictionary<string, string>
                {
                    ["kty"] = "RSA", ["kid"] = "one", ["n"] = Base64Url.EncodeToString(shown.Modulus), ["e"] = Base64Url.EncodeToString(shown.Exponent),
                },
            },
        };
    }

    private static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));
}
