using System.Text;
using Microsoft.IdentityModel.Tokens;
using Slipway.Server.Trust;
using Xunit;

namespace Slipway.Tests.Server;

/// <summary>Ed25519 as strict as it has to be: what is not exactly one signature of one key over one text counts for nothing.</summary>
public sealed class EdwardsSignatureTests
{
    private const string Honest = "9c5abad1d412910424297e5159bd9de7b7dcf2bf80e4179a346e2119a051bfac";

    /// <summary>RFC 8032 section 7.1.</summary>
    [Theory]
    [InlineData(
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")]
    [InlineData(
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")]
    [InlineData(
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")]
    [InlineData(
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704")]
    public void The_vectors_of_the_standard_hold_and_nothing_beside_them(string key, string message, string signature)
    {
        Assert.True(EdwardsSignature.IsKey(Key(key)));
        Assert.True(Verify(key, Convert.FromHexString(message), signature));
        for (var i = 0; i < 64; i++)
        {
            var other = Convert.FromHexString(signature);
            other[i] ^= 1;
            Assert.False(Verify(key, Convert.FromHexString(message), Convert.ToHexString(other)));
        }

        Assert.False(Verify(key, [.. Convert.FromHexString(message), 0], signature));
    }

    /// <summary>Under the eight points of small order, and other encodings of them, one signature is good for many messages; what is no point is no key.</summary>
    [Theory]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000080")]
    [InlineData("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000080")]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")]
    [InlineData("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")]

    // An honest key and a point of order eight together; and no point at all.
    [InlineData("adc11d96518b7eaf1a4e75eed3e096d42162e7c91324b224da815b39e0359aa3")]
    [InlineData("0700000000000000000000000000000000000000000000000000000000000000")]
    public void A_key_that_deceives_is_no_key(string key) => Assert.False(EdwardsSignature.IsKey(Key(key)));

    [Theory]
    [InlineData("OKP", "Ed448", Honest)]
    [InlineData("OKP", "X25519", Honest)]
    [InlineData("OKP", "ed25519", Honest)]
    [InlineData("EC", "Ed25519", Honest)]
    [InlineData("OKP", "Ed25519", "9c5abad1d412910424297e5159bd9de7b7dcf2bf80e4179a346e2119a051bf")]
    [InlineData("OKP", "Ed25519", "9c5abad1d412910424297e5159bd9de7b7dcf2bf80e4179a346e2119a051bfac00")]
    [InlineData("OKP", "Ed25519", "")]
    public void A_key_of_another_kind_or_length_is_no_key(string type, string curve, string key) =>
        Assert.False(EdwardsSignature.IsKey(new JsonWebKey { Kty = type, Crv = curve, X = Base64UrlEncoder.Encode(Convert.FromHexString(key)) }));

    [Fact]
    public void A_key_has_one_text()
    {
        var text = Base64UrlEncoder.Encode(Convert.FromHexString(Honest));
        foreach (var other in new[] { text + "=", text + "A", " " + text, text[..^1] + "*", text[..^1] + (char)(text[^1] + 1), text.Replace('-', '+').Replace('_', '/') + "\n" })
        {
            Assert.False(EdwardsSignature.IsKey(new JsonWebKey { Kty = "OKP", Crv = "Ed25519", X = other }), other);
        }
    }

    [Theory]
    [InlineData(true, "b31b20f50426242514d81b383548bd90de72fd0b8cf2382a88f9f52ce5076b23c5b1e788666b9602eeb847a9c39742e962662d79b48a60ba5b95b894267bf005")]

    // The scalar and the group's order together: the same equation with another text.
    [InlineData(false, "b31b20f50426242514d81b383548bd90de72fd0b8cf2382a88f9f52ce5076b23b285dde580cea85ac4553f4ca29121fe62662d79b48a60ba5b95b894267bf015")]

    // A point of order eight added to the commitment: section 5.1.7 lets verifiers take it, and only the key's holder can make one.
    [InlineData(true, "186ed2bdbd1a36f6437c5168b0221914018ea4f32a1c3fcd1c1794d64fbd596e658d00b87ce5d269c12a964a8954796932daa96e17c8699c6c3c79a82011cb08")]

    // The commitment is the neutral point in its second encoding.
    [InlineData(false, "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f127d97d0370c35bd27f0d8121cd2f2c547d6abaf540109d18c518f90e1ec430e")]

    // What is good under every key of small order.
    [InlineData(false, "01000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData(false, "")]
    public void A_signature_has_one_text(bool expected, string signature) =>
        Assert.Equal(expected, Verify(Honest, Encoding.ASCII.GetBytes("slipway"), signature));

    private static JsonWebKey Key(string key) => new() { Kty = "OKP", Crv = "Ed25519", X = Base64UrlEncoder.Encode(Convert.FromHexString(key)) };

    private static bool Verify(string key, byte[] message, string signature) =>
        EdwardsSignature.IsSignedBy(Key(key), message, Convert.FromHexString(signature));
}
