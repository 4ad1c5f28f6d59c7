using CsCheck;
using Microsoft.IdentityModel.Tokens;
using Slipway.Contract.Admin.V1;
using Slipway.Server.Access;
using Slipway.Server.Trust;
using Slipway.Tests.Server.Support;
using Xunit;
using ClaimCondition = Slipway.Contract.Admin.V1.ClaimCondition;

namespace Slipway.Tests.Server;

/// <summary>Whatever stands where a CI provider's token should: it is that token or nobody's, and it is never a fault of the server.</summary>
public sealed class TokenFuzzTests : IAsyncLifetime
{
    private FakeIssuer _issuer = null!;
    private TestServer _server = null!;
    private OidcAuthentication _oidc = null!;

    public async ValueTask InitializeAsync()
    {
        _issuer = await FakeIssuer.StartAsync();
        _server = await TestServer.StartAsync(change: options => options with { InsecureIssuers = [_issuer.Url] });
        _oidc = _server.Service<OidcAuthentication>();
        var request = new AddTrustRequest { ProjectId = _server.First.ProjectId, Provider = "buildkite", Issuer = _issuer.Url };
        request.Conditions.AddRange(new[] { ("organization_slug", "acme"), ("pipeline_slug", "app") }
            .Select(claim => new ClaimCondition { Claim = claim.Item1, Operator = "equals", Values = { claim.Item2 } }));
        await _server.Admin().AddTrustAsync(request);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _issuer.DisposeAsync();
    }

    [Fact]
    public async Task A_token_with_one_character_changed_added_or_missing_is_nobodys()
    {
        var good = Good();
        Assert.Equal(CallerKind.Oidc, (await _oidc.IdentifyAsync(good, "", default)).Kind);
        for (var at = 0; at < good.Length; at++)
        {
            foreach (var other in (string[])["", "A", "_", "=", ".", " ", good[at] + "A", ((char)(good[at] ^ 1)).ToString()])
            {
                var changed = good[..at] + other + good[(at + 1)..];
                if (changed != good)
                {
                    Assert.Equal(CallerKind.Anonymous, (await _oidc.IdentifyAsync(changed, "", default)).Kind);
                }
            }
        }
    }

    [Fact]
    public async Task Parts_of_two_good_tokens_make_no_third()
    {
        var (one, two) = (Good().Split('.'), Good().Split('.'));
        Assert.NotEqual(one[1], two[1]);
        Assert.Equal(CallerKind.Anonymous, (await _oidc.IdentifyAsync($"{one[0]}.{one[1]}.{two[2]}", "", default)).Kind);
        Assert.Equal(CallerKind.Anonymous, (await _oidc.IdentifyAsync($"{one[0]}.{two[1]}.{one[2]}", "", default)).Kind);
    }

    [Fact]
    public void Any_header_and_any_claims_are_read_or_are_none() => Gen.Select(AnyJson, AnyJson, Gen.Byte.Array[0, 70]).Sample((header, claims, signature) =>
    {
        var text = $"{Base64UrlEncoder.Encode(header)}.{Base64UrlEncoder.Encode(claims)}.{Base64UrlEncoder.Encode(signature)}";
        if (JwtText.TryParse(text) is { } token)
        {
            // Each of them may be anything, and none of them throws.
            _ = (token.Algorithm, token.KeyId, token.Issuer, token.Audiences.Count, token.HasPlainHeader, token.Hash, token.SignedParts);
            _ = (token.Time("exp"), token.Time("iat"), token.Claim("sub"), token.Claim("aud"));
        }
    });

    [Fact]
    public async Task Any_signed_claims_are_judged_without_a_fault() => await Gen.Select(AnyValue, AnyValue, AnyValue, AnyValue).SampleAsync(async (aud, exp, iat, name) =>
    {
        var claims = _issuer.Buildkite(_server.Url.ToString().TrimEnd('/'), DateTimeOffset.UtcNow);
        (string Claim, string Value)[] replaced = [("aud", aud), ("exp", exp), ("iat", iat), ("pipeline_slug", name), ("jti", name), ("nbf", iat)];
        foreach (var (claim, _) in replaced)
        {
            claims.Remove(claim);
        }

        // As text: some of it no writer of JSON would write.
        var text = claims.ToJsonString()[..^1] + string.Concat(replaced.Select(one => $",\"{one.Claim}\":{one.Value}")) + "}";
        var caller = await _oidc.IdentifyAsync(_issuer.Sign("{\"alg\":\"RS256\",\"kid\":\"one\"}", text), "", default);
        Assert.True(caller.Kind == CallerKind.Anonymous || caller.Oidc is { Matches.Count: 0 }, text);
    }, iter: 300, threads: 1);

    private static Gen<string> AnyValue { get; } = Choice(
        "null", "true", "0", "-1", "1e400", "1e9", "99999999999999999999", "\"\"", "\"x\"", "\"\\u0000\"", "\"\\ud800\"", "[]", "[[]]", "[null]", "{}", "{\"a\":{}}", "\"never\"");

    private static Gen<string> AnyJson { get; } = Gen.OneOf(
        Gen.String,
        Gen.Select(AnyValue, AnyValue, AnyValue, (one, two, three) => $"{{\"alg\":{one},\"kid\":{two},\"typ\":{three},\"iss\":{one},\"aud\":[{two},{three}],\"exp\":{one},\"iat\":{two}}}"),
        Choice("{}", "[]", "null", "\"\"", "{\"alg\":1,\"alg\":2}", new string('[', 40), "{\"a\":" + new string('[', 20) + new string(']', 20) + "}"));

    private static Gen<string> Choice(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(at => texts[at]);

    private string Good()
    {
        var claims = _issuer.Buildkite(_server.Url.ToString().TrimEnd('/'), DateTimeOffset.UtcNow);
        claims["jti"] = Guid.NewGuid().ToString();
        return _issuer.Sign(claims);
    }
}
