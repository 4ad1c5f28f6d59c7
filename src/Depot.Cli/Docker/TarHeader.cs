using System.Buffers.Binary;
using System.Text;

namespace Depot.Cli.Docker;

/// <summary>The 512 bytes before a file in a tar archive.</summary>
/// <remarks>
/// | at | bytes | |
/// | 0 | 100 | name |
/// | 100 | 3 × 8 | mode, uid, gid, octal |
/// | 124 | 12 | size, octal; from 8 GiB on binary with the highest bit set, as GNU tar and Go write and read it |
/// | 136 | 12 | time, octal |
/// | 148 | 8 | sum of all bytes, itself counted as blanks |
/// | 156 | 1 | '0', a file |
/// | 257 | 8 | "ustar", NUL, "00" |
/// </remarks>
internal static class TarHeader
{
    public const int BlockBytes = 512;

    private const long OctalSizeMax = (1L << 33) - 1;

    public static byte[] OfFile(string name, long size)
    {
        var block = new byte[BlockBytes];
        Encoding.ASCII.GetBytes(name, block.AsSpan(0, 100));
        Octal(block.AsSpan(100, 8), 0b100_100_100);
        Octal(block.AsSpan(108, 8), 0);
        Octal(block.AsSpan(116, 8), 0);
        WriteSize(block.AsSpan(124, 12), size);
        Octal(block.AsSpan(136, 12), 0);
        block[156] = (byte)'0';
        "ustar\000"u8.CopyTo(block.AsSpan(257));
        block.AsSpan(148, 8).Fill((byte)' ');
        var sum = 0;
        foreach (var value in block)
        {
            sum += value;
        }

        Octal(block.AsSpan(148, 7), sum);
        return block;
    }

    /// <summary>What fills the last block of a file.</summary>
    public static int Padding(long size) => (int)((BlockBytes - (size % BlockBytes)) % BlockBytes);

    private static void WriteSize(Span<byte> field, long size)
    {
        if (size <= OctalSizeMax)
        {
            Octal(field, size);
            return;
        }

        field[0] = 0x80;
        BinaryPrimitives.WriteInt64BigEndian(field[4..], size);
    }

    private static void Octal(Span<byte> field, long value)
    {
        var digits = Convert.ToString(value, 8).PadLeft(field.Length - 1, '0');
        Encoding.ASCII.GetBytes(digits, field);
    }
}
