using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Microsoft.IdentityModel.Tokens;
using Slipway.Server.Trust;
using Slipway.Tests.Server.Support;
using Xunit;

namespace Slipway.Tests.Server;

/// <summary>Issuers' published keys, while they change and while their issuer cannot be asked.</summary>
public sealed class IssuerKeyTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);
    private FakeIssuer _issuer = null!;
    private FakeIssuer _other = null!;
    private IssuerAccess _access = null!;
    private IssuerKeys _keys = null!;

    public async ValueTask InitializeAsync()
    {
        _issuer = await FakeIssuer.StartAsync();
        _other = await FakeIssuer.StartAsync();
        _access = new IssuerAccess([_issuer.Url, _other.Url], []);
        _keys = new IssuerKeys(_access, _clock, NullLogger<IssuerKeys>.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        _access.Dispose();
        await _issuer.DisposeAsync();
        await _other.DisposeAsync();
    }

    [Fact]
    public async Task While_an_issuer_changes_its_keys_both_count_and_the_one_that_it_took_back_does_not()
    {
        var first = await FindAsync("one");
        _issuer.Rotate("two", keepOld: true);
        Assert.Null(await FindAsync("two"));
        _clock.Advance(TimeSpan.FromSeconds(31));
        Assert.NotNull(await FindAsync("two"));
        Assert.NotNull(await FindAsync("one"));

        // The same name with another key is another key.
        _issuer.Rotate("one");
        _clock.Advance(TimeSpan.FromMinutes(10));
        Assert.NotEqual(first!.N, (await FindAsync("one"))!.N);
        Assert.Null(await FindAsync("two"));
    }

    [Fact]
    public async Task Keys_are_renewed_while_the_known_ones_count()
    {
        await FindAsync("one");
        var asked = _issuer.Requests.Count;
        _clock.Advance(TimeSpan.FromMinutes(4));
        Assert.True(FindAsync("one").IsCompletedSuccessfully);
        Assert.Equal(asked, _issuer.Requests.Count);

        _clock.Advance(TimeSpan.FromMinutes(2));
        Assert.True(FindAsync("one").IsCompletedSuccessfully);
        await TestWait.UntilAsync(() => _issuer.Requests.Count == asked + 2);
    }

    [Fact]
    public async Task An_issuer_that_does_not_answer_delays_one_call_and_not_those_after_it()
    {
        Assert.NotNull(await FindAsync("one"));
        _issuer.Answer = http => Task.Delay(Timeout.Infinite, http.RequestAborted);
        _clock.Advance(TimeSpan.FromMinutes(11));
        Assert.NotNull(await FindAsync("one"));
        for (var minute = 11; minute < 70; minute++)
        {
            _clock.Advance(TimeSpan.FromMinutes(1));
            Assert.True(FindAsync("one").IsCompletedSuccessfully);
        }
    }

    [Theory]
    [InlineData(StatusCodes.Status304NotModified)]
    [InlineData(StatusCodes.Status404NotFound)]
    [InlineData(StatusCodes.Status429TooManyRequests)]
    [InlineData(StatusCodes.Status500InternalServerError)]
    public async Task An_answer_without_keys_leaves_the_last_ones_for_a_day(int status)
    {
        await FindAsync("one");
        _issuer.Answer = http =>
        {
            http.Response.StatusCode = status;
            return Task.CompletedTask;
        };
        _clock.Advance(TimeSpan.FromHours(23));
        Assert.NotNull(await FindAsync("one"));
        _clock.Advance(TimeSpan.FromHours(2));
        Assert.Null(await FindAsync("one"));
    }

    [Theory]
    [InlineData("{}", null)]
    [InlineData("[]", null)]
    [InlineData("{\"issuer\":5}", null)]
    [InlineData("{\"issuer\":\"\\ud800\"}", null)]
    [InlineData("\u00b4", null)]
    [InlineData(null, "{}")]
    [InlineData(null, "{\"keys\":{}}")]
    [InlineData(null, "[]")]
    [InlineData(null, "{\"keys\":[")]
    [InlineData("{\"issuer\":\"SELF\"}", null)]
    [InlineData("{\"issuer\":\"SELF\",\"jwks_uri\":null}", null)]
    [InlineData("{\"issuer\":\"SELF\",\"jwks_uri\":\"/jwks\"}", null)]
    [InlineData("{\"issuer\":\"SELF\",\"jwks_uri\":\"file:///etc/passwd\"}", null)]
    public async Task A_document_that_is_none_is_an_issuer_without_keys(string? discovery, string? keys)
    {
        _issuer.Answer = http => http.Response.WriteAsync(http.Request.Path.Value!.EndsWith("jwks", StringComparison.Ordinal)
            ? keys ?? _issuer.Jwks()
            : discovery?.Replace("SELF", _issuer.Url, StringComparison.Ordinal) ?? new JsonObject { ["issuer"] = _issuer.Url, ["jwks_uri"] = _issuer.Url + "/jwks" }.ToJsonString());
        Assert.Null(await FindAsync("one"));
    }

    [Fact]
    public async Task How_long_an_issuer_lets_its_answer_be_kept_does_not_lengthen_the_life_of_a_key_that_it_took_back()
    {
        _issuer.Answer = async http =>
        {
            http.Response.Headers.CacheControl = "public, max-age=864000, immutable";
            await http.Response.WriteAsync(http.Request.Path.Value!.EndsWith("jwks", StringComparison.Ordinal)
                ? _issuer.Jwks() : new JsonObject { ["issuer"] = _issuer.Url, ["jwks_uri"] = _issuer.Url + "/jwks" }.ToJsonString());
        };
        Assert.NotNull(await FindAsync("one"));
        _issuer.Rotate("two");
        _clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Null(await FindAsync("one"));
    }

    [Fact]
    public async Task A_key_is_its_issuers_alone_and_known_by_its_name()
    {
        _other.Rotate("theirs", keepOld: true);
        _issuer.Published.Add(new JsonObject { ["kty"] = "RSA", ["n"] = "AQAB", ["e"] = "AQAB" });

        Assert.NotNull(await _keys.FindAsync(_other.Url, "theirs", SecurityAlgorithms.RsaSha256, default));
        Assert.Null(await FindAsync("theirs"));
        Assert.Null(await FindAsync(""));
        Assert.NotEqual((await FindAsync("one"))!.N, (await _keys.FindAsync(_other.Url, "one", SecurityAlgorithms.RsaSha256, default))!.N);
    }

    [Fact]
    public async Task Of_two_keys_with_one_name_the_kind_decides_and_then_the_order()
    {
        var p256 = new JsonObject { ["kty"] = "EC", ["crv"] = "P-256", ["kid"] = "one", ["x"] = new string('A', 43), ["y"] = new string('A', 43) };
        var second = JsonNode.Parse(_other.Jwks())!["keys"]![0]!.DeepClone().AsObject();
        _issuer.Published.AddRange([p256, second]);

        Assert.Equal("EC", (await _keys.FindAsync(_issuer.Url, "one", SecurityAlgorithms.EcdsaSha256, default))!.Kty);
        Assert.NotEqual($"{second["n"]}", (await FindAsync("one"))!.N);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("5")]
    [InlineData("null")]
    [InlineData("""{"kty":"RSA","kid":"bad"}""")]
    [InlineData("""{"kty":"RSA","kid":"bad","n":"","e":"AQAB"}""")]
    [InlineData("""{"kty":"RSA","kid":"bad","n":"***","e":"AQAB"}""")]
    [InlineData("""{"kty":"RSA","kid":"bad","n":17,"e":{}}""")]
    [InlineData("""{"kty":"RSA","kid":["bad"],"n":"AQAB","e":"AQAB"}""")]
    [InlineData("""{"kty":"EC","kid":"bad","crv":"P-256"}""")]
    [InlineData("""{"kty":"OKP","kid":"bad","crv":"Ed25519","x":"***"}""")]
    [InlineData("""{"kty":"future","kid":"bad","q":[1,2]}""")]
    public async Task A_malformed_key_is_passed_over(string published)
    {
        _issuer.Answer = http => http.Response.WriteAsync(http.Request.Path.Value!.EndsWith("jwks", StringComparison.Ordinal)
            ? _issuer.Jwks().Replace("[", $"[{published},", StringComparison.Ordinal)
            : new JsonObject { ["issuer"] = _issuer.Url, ["jwks_uri"] = _issuer.Url + "/jwks" }.ToJsonString());

        Assert.NotNull(await FindAsync("one"));
        foreach (var algorithm in TrustProvider.Oidc.Algorithms.Where(algorithm => !published.Contains("P-256", StringComparison.Ordinal) || algorithm != "ES256"))
        {
            Assert.Null(await _keys.FindAsync(_issuer.Url, "bad", algorithm, default));
        }
    }

    private Task<JsonWebKey?> FindAsync(string name) => _keys.FindAsync(_issuer.Url, name, SecurityAlgorithms.RsaSha256, default);
}
