using CsCheck;
using Slipway.Contract.Tokens;
using Xunit;

namespace Slipway.Tests.Contract;

/// <summary>The shape of a token.</summary>
public sealed class TokenTextTests
{
    private static readonly Gen<string> Tokens = Gen.Enum<TokenKind>().Select(TokenText.Create);

    [Fact]
    public void A_token_reads_back_as_its_kind() => Gen.Enum<TokenKind>().Sample(kind =>
    {
        var token = TokenText.Create(kind);
        Assert.Matches($"^slp{(char)kind}_[0-9A-Za-z]{{36}}$", token);
        Assert.True(TokenText.TryParse(token, out var read));
        Assert.Equal(kind, read);
    });

    [Fact]
    public void One_changed_character_is_noticed() =>
        Gen.Select(Tokens, Gen.Int[0, TokenText.Length - 1], Gen.Char.AlphaNumeric).Where(t => t.Item1[t.Item2] != t.Item3).Sample(t =>
        {
            var (token, at, other) = t;
            var changed = token[..at] + other + token[(at + 1)..];
            Assert.False(TokenText.TryParse(changed, out _), changed);
        });

    [Fact]
    public void Anything_else_is_no_token() => Gen.String.Sample(text => Assert.False(TokenText.TryParse(text, out _)));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("slpu_")]
    [InlineData("slpx_0123456789012345678901234567890123456")]
    public void Near_misses_are_no_tokens(string? text) => Assert.False(TokenText.TryParse(text, out _));

    [Fact]
    public void Redaction_leaves_no_secret_and_everything_else() => Gen.Select(Gen.String, Tokens, Gen.String).Sample(t =>
    {
        var (before, token, after) = t;
        var redacted = TokenText.Redact($"{before} {token} {after}");
        Assert.DoesNotContain(token, redacted);
        Assert.Equal($"{TokenText.Redact(before)} {token[..5]}*** {TokenText.Redact(after)}", redacted);
    });

    [Theory]
    [InlineData("slpu_0000000000000000000000000000002IHdC9")]
    [InlineData("slpb_abcdefghijklmnopqrstuvwxyz01230rSEdr")]
    public void Tokens_made_elsewhere_with_the_CRC_32_of_zlib_are_accepted(string token) => Assert.True(TokenText.TryParse(token, out _));
}
