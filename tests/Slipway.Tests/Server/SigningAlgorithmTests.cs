using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Grpc.Core;
using Microsoft.IdentityModel.Tokens;
using Org.BouncyCastle.Math.EC.Rfc8032;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Depot.Cli.V1;
using ClaimCondition = Slipway.Contract.Admin.V1.ClaimCondition;
using Slipway.Tests.Server.Support;
using Xunit;

namespace Slipway.Tests.Server;

/// <summary>How issuers may sign: what each kind of issuer is believed, and that no key is taken for another kind of key.</summary>
public sealed class SigningAlgorithmTests : IAsyncLifetime
{
    private readonly RSA _rsa = RSA.Create(2048);
    private readonly RSA _short = RSA.Create(1024);
    private readonly ECDsa _p256 = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ECDsa _p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
    private readonly byte[] _edwards = RandomNumberGenerator.GetBytes(Ed25519.SecretKeySize);
    private FakeIssuer _issuer = null!;
    private TestServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _issuer = await FakeIssuer.StartAsync();
        _issuer.Published.AddRange(
        [
            Key("rsa", _rsa), Key("p256", _p256, "P-256"), Key("p384", _p384, "P-384"), Key("short", _short), Key("for-encryption", _rsa, ("use", "enc")),
            Broken(Key("off-curve", _p256, "P-256"), "y", new byte[32]), Broken(Key("half", _p256, "P-256"), "y", null),
            Broken(Key("shrunk", _p256, "P-256"), "x", new byte[8]), Broken(Key("no-exponent", _rsa), "e", null),
            Key("rs256-only", _rsa, ("alg", "RS256")), ForWrapping(Key("for-wrapping", _rsa)),
            Key("ed", Public(_edwards)), Key("ed-by-name", Public(_edwards), ("alg", "Ed25519")), Key("ed-for-encryption", Public(_edwards), ("use", "enc")),
            Key("x25519", Public(_edwards), ("crv", "X25519")), Key("ed448", Public(_edwards), ("crv", "Ed448")), Key("ed-as-ec", Public(_edwards), ("kty", "EC")),
            Key("identity", [1, .. new byte[31]]), Key("zero", new byte[32]), Key("short-ed", Public(_edwards)[..31]),
            new JsonObject { ["kty"] = "oct", ["kid"] = "secret", ["k"] = Base64UrlEncoder.Encode("published by mistake, known to all"u8.ToArray()) },
        ]);
        _server = await TestServer.StartAsync(change: options => options with { InsecureIssuers = [_issuer.Url] });
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _issuer.DisposeAsync();
        _rsa.Dispose();
        _short.Dispose();
        _p256.Dispose();
        _p384.Dispose();
    }

    [Fact]
    public async Task An_issuer_of_ones_own_may_sign_with_what_it_likes_a_CI_provider_with_what_it_uses()
    {
        (string Algorithm, string Key, Func<byte[], byte[]> Sign)[] all =
        [
            ("RS256", "rsa", Rs256), ("PS256", "rsa", Ps256), ("ES256", "p256", Es256), ("ES384", "p384", Es384),
            ("EdDSA", "ed", Edwards), ("Ed25519", "ed", Edwards), ("Ed25519", "ed-by-name", Edwards),
        ];
        await TrustAsync("oidc", Equal("sub", "job:app"));
        foreach (var (algorithm, key, sign) in all)
        {
            Assert.Equal(StatusCode.OK, await TryAsync(Token(algorithm, key, sign)));
        }

        await _server.Admin().RemoveTrustAsync(new RemoveTrustRequest { TrustId = (await _server.Admin().ListTrustAsync(new() { ProjectId = _server.First.ProjectId })).Trust[0].Id });
        await TrustAsync("gitlab", Equal("project_path", "acme/app"), Equal("namespace_path", "acme"));
        foreach (var (algorithm, key, sign) in all)
        {
            Assert.Equal(algorithm == "RS256" ? StatusCode.OK : StatusCode.Unauthenticated, await TryAsync(Token(algorithm, key, sign)));
        }
    }

    [Fact]
    public async Task No_key_is_taken_for_another_kind_of_key()
    {
        await TrustAsync("oidc", Equal("sub", "job:app"));
        var ecPublic = _p256.ExportSubjectPublicKeyInfo();
        (string Name, string Token)[] forged =
        [
            ("ES256 named for an RSA key", Token("ES256", "rsa", Es256)),
            ("RS256 named for a P-256 key", Token("RS256", "p256", Rs256)),
            ("PS256 named for a P-256 key", Token("PS256", "p256", Ps256)),
            ("ES256 of a P-384 key", Token("ES256", "p384", data => _p384.SignData(data, HashAlgorithmName.SHA256))),
            ("ES384 of a P-256 key", Token("ES384", "p256", data => _p256.SignData(data, HashAlgorithmName.SHA384))),
            ("ES256 with a point off the curve", Token("ES256", "off-curve", Es256)),
            ("ES256 with half a point", Token("ES256", "half", Es256)),
            ("ES256 with a point that is too short", Token("ES256", "shrunk", Es256)),
            ("RS256 with a key without exponent", Token("RS256", "no-exponent", Rs256)),
            ("ES512 of a P-256 key", Token("ES512", "p256", data => _p256.SignData(data, HashAlgorithmName.SHA512))),
            ("PS256 by name, RS256 by padding", Token("PS256", "rsa", Rs256)),
            ("RS256 by name, PS256 by padding", Token("RS256", "rsa", Ps256)),
            ("PS256 with a key for RS256 alone", Token("PS256", "rs256-only", Ps256)),
            ("RS256 with a key for encryption", Token("RS256", "for-encryption", Rs256)),
            ("RS256 with a key for wrapping keys", Token("RS256", "for-wrapping", Rs256)),
            ("RS256 with 1024 bits", Token("RS256", "short", data => _short.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))),
            ("RS384", Token("RS384", "rsa", data => _rsa.SignData(data, HashAlgorithmName.SHA384, RSASignaturePadding.Pkcs1))),
            ("ES256 in DER", Token("ES256", "p256", data => _p256.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence))),
            ("ES256 of zeros, CVE-2022-21449", Token("ES256", "p256", _ => new byte[64])),
            ("ES256 with one byte less", Token("ES256", "p256", data => Es256(data)[..63])),
            ("ES256 with one byte more", Token("ES256", "p256", data => [.. Es256(data), 0])),
            ("HS256 with the public EC key", Token("HS256", "p256", data => HMACSHA256.HashData(ecPublic, data))),
            ("HS256 with a published secret", Token("HS256", "secret", data => HMACSHA256.HashData("published by mistake, known to all"u8, data))),
            ("RS256 named for a secret", Token("RS256", "secret", Rs256)),
            ("EdDSA with the identity as key", Token("EdDSA", "identity", _ => [1, .. new byte[63]])),
            ("Ed25519 with zero as key", Token("Ed25519", "zero", _ => [1, .. new byte[63]])),
            ("Ed25519 with a key that is too short", Token("Ed25519", "short-ed", Edwards)),
            ("EdDSA with a key for Ed25519 by name alone", Token("EdDSA", "ed-by-name", Edwards)),
            ("EdDSA with a key for encryption", Token("EdDSA", "ed-for-encryption", Edwards)),
            ("EdDSA named for an X25519 key", Token("EdDSA", "x25519", Edwards)),
            ("EdDSA named for an Ed448 key", Token("EdDSA", "ed448", Edwards)),
            ("Ed448", Token("Ed448", "ed448", Edwards)),
            ("EdDSA named for an EC key", Token("EdDSA", "ed-as-ec", Edwards)),
            ("EdDSA named for an RSA key", Token("EdDSA", "rsa", Edwards)),
            ("EdDSA named for a secret", Token("EdDSA", "secret", Edwards)),
            ("RS256 named for an Ed25519 key", Token("RS256", "ed", Rs256)),
            ("ES256 named for an Ed25519 key", Token("ES256", "ed", Es256)),
            ("HS256 with the public Ed25519 key", Token("HS256", "ed", data => HMACSHA256.HashData(Public(_edwards), data))),
            ("Ed25519 with one byte less", Token("Ed25519", "ed", data => Edwards(data)[..63])),
            ("Ed25519 with one byte more", Token("Ed25519", "ed", data => [.. Edwards(data), 0])),
            ("Ed25519 of zeros", Token("Ed25519", "ed", _ => new byte[64])),
            ("Ed25519 of another text", Token("Ed25519", "ed", data => Edwards(data[1..]))),
            ("Ed25519 of the text's hash", Token("Ed25519", "ed", data => Edwards(SHA512.HashData(data)))),
            ("eddsa in small letters", Token("eddsa", "ed", Edwards)),
            ("ES256K", Token("ES256K", "p256", Es256)),
            ("none", Token("none", "p256", _ => [0])),
        ];
        foreach (var (name, token) in forged)
        {
            Assert.True(await TryAsync(token) == StatusCode.Unauthenticated, name);
        }

        Assert.Equal(StatusCode.OK, await TryAsync(Token("ES256", "p256", Es256)));
        Assert.Equal(StatusCode.OK, await TryAsync(Token("EdDSA", "ed", Edwards)));
    }

    private byte[] Rs256(byte[] data) => _rsa.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);

    private byte[] Ps256(byte[] data) => _rsa.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pss);

    private byte[] Es256(byte[] data) => _p256.SignData(data, HashAlgorithmName.SHA256);

    private byte[] Es384(byte[] data) => _p384.SignData(data, HashAlgorithmName.SHA384);

    private byte[] Edwards(byte[] data)
    {
        var signature = new byte[Ed25519.SignatureSize];
        Ed25519.Sign(_edwards, 0, data, 0, data.Length, signature, 0);
        return signature;
    }

    private static byte[] Public(byte[] secret)
    {
        var key = new byte[Ed25519.PublicKeySize];
        Ed25519.GeneratePublicKey(secret, 0, key, 0);
        return key;
    }

    private static JsonObject Key(string name, byte[] edwards, (string Name, string Value)? also = null)
    {
        var published = new JsonObject { ["kty"] = "OKP", ["crv"] = "Ed25519", ["kid"] = name, ["x"] = Base64UrlEncoder.Encode(edwards) };
        if (also is { } more)
        {
            published[more.Name] = more.Value;
        }

        return published;
    }

    private static JsonObject Broken(JsonObject key, string member, byte[]? value)
    {
        key[member] = value is null ? null : Base64UrlEncoder.Encode(value);
        return key;
    }

    // RFC 7517 section 4.3.
    private static JsonObject ForWrapping(JsonObject key)
    {
        key["key_ops"] = new JsonArray("wrapKey");
        return key;
    }

    private static JsonObject Key(string name, RSA key, (string Name, string Value)? also = null)
    {
        var shown = key.ExportParameters(false);
        var published = new JsonObject
        {
            ["kty"] = "RSA", ["kid"] = name, ["n"] = Base64UrlEncoder.Encode(shown.Modulus), ["e"] = Base64UrlEncoder.Encode(shown.Exponent),
        };
        if (also is { } more)
        {
            published[more.Name] = more.Value;
        }

        return published;
    }

    private static JsonObject Key(string name, ECDsa key, string curve)
    {
        var shown = key.ExportParameters(false);
        return new JsonObject
        {
            ["kty"] = "EC", ["crv"] = curve, ["kid"] = name, ["x"] = Base64UrlEncoder.Encode(shown.Q.X), ["y"] = Base64UrlEncoder.Encode(shown.Q.Y),
        };
    }

    private string Token(string algorithm, string key, Func<byte[], byte[]> sign)
    {
        var claims = _issuer.Buildkite(_server.Url.ToString().TrimEnd('/'), DateTimeOffset.UtcNow);
        (claims["sub"], claims["project_path"], claims["namespace_path"]) = ("job:app", "acme/app", "acme");
        (claims["ref_protected"], claims["ref_type"]) = ("true", "branch");
        var header = new JsonObject { ["typ"] = "JWT", ["alg"] = algorithm, ["kid"] = key };
        var text = $"{Base64UrlEncoder.Encode(header.ToJsonString())}.{Base64UrlEncoder.Encode(claims.ToJsonString())}";
        return $"{text}.{Base64UrlEncoder.Encode(sign(Encoding.ASCII.GetBytes(text)))}";
    }

    private async Task TrustAsync(string provider, params IEnumerable<ClaimCondition> conditions)
    {
        var request = new AddTrustRequest { ProjectId = _server.First.ProjectId, Provider = provider, Issuer = _issuer.Url };
        request.Conditions.AddRange(conditions);
        await _server.Admin().AddTrustAsync(request);
    }

    private static ClaimCondition Equal(string claim, string value) => new() { Claim = claim, Operator = "equals", Values = { value } };

    private async Task<StatusCode> TryAsync(string token)
    {
        try
        {
            await _server.Builds(token).CreateBuildAsync(new CreateBuildRequest { ProjectId = _server.First.ProjectId });
            return StatusCode.OK;
        }
        catch (RpcException refused)
        {
            return refused.StatusCode;
        }
    }
}
