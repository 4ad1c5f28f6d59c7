using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Slipway.Contract.Tokens;

/// <summary>The text of a Slipway token: <c>slp</c>, the kind's letter, <c>_</c>, 30 random base62 characters, 6 of checksum.</summary>
/// <remarks>
/// <code>
/// slp u _ 0123456789abcdefghijABCDEFGHIJ 2r8Kx1
///     |   30 of [0-9A-Za-z], 178 bits    CRC-32 of everything before it, base62, zero-padded
///     kind
/// </code>
/// The checksum lets a scanner, and the server before it looks anywhere, tell a token from text that looks like one.
/// </remarks>
public static partial class TokenText
{
    public const int Length = PrefixLength + RandomLength + ChecksumLength;
    private const int PrefixLength = 5;
    private const int RandomLength = 30;
    private const int ChecksumLength = 6;
    private const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private static readonly SearchValues<char> Digits = SearchValues.Create(Alphabet);
    private const string KindLetters = "uopbrajd";

    /// <summary>A new secret of this kind.</summary>
    public static string Create(TokenKind kind)
    {
        var body = $"slp{(char)kind}_{RandomNumberGenerator.GetString(Alphabet, RandomLength)}";
        return body + Checksum(body);
    }

    /// <summary>Judges length, prefix, alphabet and checksum, in this order; nothing is looked up.</summary>
    public static bool TryParse(string? text, out TokenKind kind)
    {
        kind = default;
        if (text is not { Length: Length } || !text.StartsWith("slp", StringComparison.Ordinal)
            || text[4] != '_' || !KindLetters.Contains(text[3], StringComparison.Ordinal))
        {
            return false;
        }

        kind = (TokenKind)text[3];
        var body = text[..(PrefixLength + RandomLength)];
        return body.AsSpan(PrefixLength).IndexOfAnyExcept(Digits) < 0
            && text.AsSpan(body.Length).SequenceEqual(Checksum(body));
    }

    /// <summary>Whether it begins like a token, quotation marks aside: one that lost a part when it was copied does.</summary>
    public static bool Resembles(string text) =>
        text.AsSpan().TrimStart("\"'") is ['s', 'l', 'p', var kind, '_', ..] && KindLetters.Contains(kind, StringComparison.Ordinal);

    /// <summary>What is stored in the token's place: SHA-256, lower-case hex. The token has 178 bits, so no salt is needed.</summary>
    public static string Hash(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    /// <summary>Replaces the secret part of everything in <paramref name="text"/> that looks like a token.</summary>
    public static string Redact(string text) => Lookalike().Replace(text, "$1***");

    private static string Checksum(string body)
    {
        Span<char> digits = stackalloc char[ChecksumLength];
        var rest = Crc32(Encoding.ASCII.GetBytes(body));
        for (var i = ChecksumLength - 1; i >= 0; i--)
        {
            digits[i] = Alphabet[(int)(rest % 62)];
            rest /= 62;
        }

        return new string(digits);
    }

    // CRC-32 of ISO 3309 (the one of gzip); 36 bytes at a time need no table.
    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
            }
        }

        return ~crc;
    }

    [GeneratedRegex(@"\b(slp[uopbrajd]_)[0-9A-Za-z]{20,}\b")]
    private static partial Regex Lookalike();
}
