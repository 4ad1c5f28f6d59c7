namespace Slipway.BuildKit.Http2;

/// <summary>The fixed Huffman code of HPACK (RFC 7541 appendix B).</summary>
/// <remarks>The code is canonical: within one length, codes ascend with the symbol. The lengths alone therefore define it.</remarks>
internal static class HpackHuffman
{
    private const int LengthMax = 30;
    private const int EndOfString = 256;
    private const int FastBits = 9;

    private static readonly byte[] Lengths =
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
        28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
        5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
        7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
        6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
        24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
        21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
        19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
        26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ];

    private static readonly uint[] Codes = new uint[EndOfString + 1];

    /// <summary>Symbols ordered by (length, symbol); a code's place is <c>FirstPlace[length] + code - FirstCode[length]</c>.</summary>
    private static readonly short[] Symbols = new short[EndOfString + 1];
    private static readonly uint[] FirstCode = new uint[LengthMax + 2];
    private static readonly int[] FirstPlace = new int[LengthMax + 2];

    /// <summary>For codes of at most <see cref="FastBits"/> bits: symbol in the low byte, length above it; 0 for longer ones.</summary>
    private static readonly ushort[] Fast = new ushort[1 << FastBits];

    static HpackHuffman()
    {
        uint code = 0;
        var place = 0;
        for (var length = 1; length <= LengthMax; length++)
        {
            code <<= 1;
            FirstCode[length] = code;
            FirstPlace[length] = place;
            for (var symbol = 0; symbol <= EndOfString; symbol++)
            {
                if (Lengths[symbol] == length)
                {
                    Symbols[place++] = (short)symbol;
                    Codes[symbol] = code++;
                }
            }
        }

        FirstPlace[LengthMax + 1] = place;
        FillFast();
    }

    private static void FillFast()
    {
        for (var symbol = 0; symbol < EndOfString; symbol++)
        {
            var spare = FastBits - Lengths[symbol];
            if (spare < 0)
            {
                continue;
            }

            var first = (int)Codes[symbol] << spare;
            Fast.AsSpan(first, 1 << spare).Fill((ushort)((Lengths[symbol] << 8) | symbol));
        }
    }

    /// <summary>Decodes one string; false when the bytes are no valid code, or the result is longer than <paramref name="output"/>.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> source, Span<byte> output, out int written)
    {
        ulong bits = 0;
        var count = 0;
        var next = 0;
        written = 0;
        while (true)
        {
            while (count <= 56 && next < source.Length)
            {
                bits = (bits << 8) | source[next++];
                count += 8;
            }

            if (count == 0)
            {
                return true;
            }

            if (!TryDecodeSymbol(bits, count, out var symbol, out var length))
            {
                // What is left must be padding: fewer than eight bits, all ones (RFC 7541 §5.2).
                return next == source.Length && count < 8 && (bits & ((1UL << count) - 1)) == (1UL << count) - 1;
            }

            if (symbol == EndOfString || written == output.Length)
            {
                return false;
            }

            output[written++] = (byte)symbol;
            count -= length;
        }
    }

    private static bool TryDecodeSymbol(ulong bits, int count, out int symbol, out int length)
    {
        var window = count >= FastBits ? bits >> (count - FastBits) : bits << (FastBits - count);
        var fast = Fast[(int)(window & ((1 << FastBits) - 1))];
        if (fast != 0 && fast >> 8 <= count)
        {
            symbol = fast & 0xff;
            length = fast >> 8;
            return true;
        }

        for (length = FastBits + 1; length <= Math.Min(count, LengthMax); length++)
        {
            var code = (uint)(bits >> (count - length)) & ((1u << length) - 1);
            var place = FirstPlace[length] + (long)code - FirstCode[length];
            if (code >= FirstCode[length] && place < FirstPlace[length + 1])
            {
                symbol = Symbols[place];
                return true;
            }
        }

        symbol = 0;
        length = 0;
        return false;
    }

    /// <summary>Encodes <paramref name="source"/>; used to prove the decoder, since the encoder sends plain strings.</summary>
    internal static byte[] Encode(ReadOnlySpan<byte> source)
    {
        var output = new List<byte>();
        ulong bits = 0;
        var count = 0;
        foreach (var symbol in source)
        {
            bits = (bits << Lengths[symbol]) | Codes[symbol];
            count += Lengths[symbol];
            while (count >= 8)
            {
                count -= 8;
                output.Add((byte)(bits >> count));
            }
        }

        if (count > 0)
        {
            output.Add((byte)((bits << (8 - count)) | (0xffUL >> count)));
        }

        return [.. output];
    }
}
