using System.Text;

namespace Depot.Cli.Build;

/// <summary>Recognizes what BuildKit unpacks as a context: a tar archive, plain or compressed with bzip2, gzip or xz.</summary>
internal static class Archive
{
    public const int HeaderBytes = 512;

    // POSIX ustar: the checksum field of a header.
    private const int ChecksumOffset = 148;
    private const int ChecksumBytes = 8;

    private static ReadOnlySpan<byte> Gzip => [0x1F, 0x8B, 0x08];

    private static ReadOnlySpan<byte> Xz => [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00];

    public static bool IsArchive(ReadOnlySpan<byte> head) =>
        head.StartsWith("BZh"u8) || head.StartsWith(Gzip) || head.StartsWith(Xz) || IsTarHeader(head);

    /// <summary>A header's checksum is the sum of its bytes with the checksum field read as spaces.</summary>
    private static bool IsTarHeader(ReadOnlySpan<byte> head)
    {
        if (head.Length < HeaderBytes)
        {
            return false;
        }

        var sum = 0;
        for (var i = 0; i < HeaderBytes; i++)
        {
            sum += i is >= ChecksumOffset and < ChecksumOffset + ChecksumBytes ? ' ' : head[i];
        }

        var field = Encoding.ASCII.GetString(head.Slice(ChecksumOffset, ChecksumBytes)).Trim(' ', '\0');
        return TryParseOctal(field, out var announced) && announced == sum;
    }

    private static bool TryParseOctal(string text, out int value)
    {
        value = 0;
        foreach (var c in text)
        {
            if (c is < '0' or > '7')
            {
                return false;
            }

            value = value * 8 + (c - '0');
        }

        return text.Length > 0;
    }
}
