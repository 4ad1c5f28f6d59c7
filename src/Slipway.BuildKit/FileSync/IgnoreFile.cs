using System.Buffers;
using System.Text;

namespace Slipway.BuildKit.FileSync;

/// <summary>Reads an ignore file into patterns.</summary>
/// <remarks>BuildKit reads <c>.dockerignore</c> itself and sends the patterns; this serves the few places where a client must read one.</remarks>
internal static class IgnoreFile
{
    public static List<byte[]> Read(ReadOnlySpan<byte> content)
    {
        if (content.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
        {
            content = content[3..];
        }

        var patterns = new List<byte[]>();
        foreach (var range in content.Split((byte)'\n'))
        {
            var line = content[range];

            // A comment's mark stands in the first column; behind blanks it is part of a pattern.
            if (!line.StartsWith("#"u8) && ReadLine(line) is { } pattern)
            {
                patterns.Add(pattern);
            }
        }

        return patterns;
    }

    /// <summary>Cuts white space (Unicode's) off both ends.</summary>
    public static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> text)
    {
        while (Rune.DecodeFromUtf8(text, out var rune, out var width) == OperationStatus.Done && Rune.IsWhiteSpace(rune))
        {
            text = text[width..];
        }

        while (Rune.DecodeLastFromUtf8(text, out var rune, out var width) == OperationStatus.Done && Rune.IsWhiteSpace(rune))
        {
            text = text[..^width];
        }

        return text;
    }

    private static byte[]? ReadLine(ReadOnlySpan<byte> line)
    {
        var pattern = Trim(line);
        if (pattern.IsEmpty)
        {
            return null;
        }

        var inverted = pattern[0] == '!';
        if (inverted)
        {
            pattern = Trim(pattern[1..]);
        }

        if (!pattern.IsEmpty)
        {
            var cleaned = WirePath.Clean(pattern);
            pattern = cleaned.Length > 1 && cleaned[0] == '/' ? cleaned.AsSpan(1) : cleaned;
        }

        return inverted ? [(byte)'!', .. pattern] : pattern.ToArray();
    }
}
