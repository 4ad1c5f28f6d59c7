using System.Buffers;
using System.Text;

namespace Slipway.BuildKit.Http2;

/// <summary>Writes header blocks without a dynamic table and without Huffman, so that no block depends on another.</summary>
public static class HpackEncoder
{
    internal const byte TableSizeZero = 0x20;

    /// <summary>Opens a connection's first block: the table stays empty, whatever size the peer offers now or later.</summary>
    public static void WriteTableSizeZero(IBufferWriter<byte> output)
    {
        output.GetSpan(1)[0] = TableSizeZero;
        output.Advance(1);
    }

    public static void Write(IBufferWriter<byte> output, IEnumerable<HeaderField> fields)
    {
        foreach (var field in fields)
        {
            Write(output, field);
        }
    }

    /// <summary>Writes one field: by static index, by static name, or in full.</summary>
    public static void Write(IBufferWriter<byte> output, HeaderField field)
    {
        var index = HpackStaticTable.Find(field);
        if (index != 0)
        {
            WriteInteger(output, 0x80, 7, index);
            return;
        }

        var name = HpackStaticTable.FindName(field.Name);
        WriteInteger(output, 0x00, 4, name);
        if (name == 0)
        {
            WriteString(output, field.Name);
        }

        WriteString(output, field.Value);
    }

    private static void WriteString(IBufferWriter<byte> output, string value)
    {
        WriteInteger(output, 0x00, 7, value.Length);
        var written = Encoding.Latin1.GetBytes(value, output.GetSpan(value.Length));
        output.Advance(written);
    }

    private static void WriteInteger(IBufferWriter<byte> output, byte firstBits, int prefixBits, int value)
    {
        var span = output.GetSpan(6);
        var prefixMax = (1 << prefixBits) - 1;
        if (value < prefixMax)
        {
            span[0] = (byte)(firstBits | value);
            output.Advance(1);
            return;
        }

        span[0] = (byte)(firstBits | prefixMax);
        var length = 1;
        for (value -= prefixMax; value >= 0x80; value >>= 7)
        {
            span[length++] = (byte)(value | 0x80);
        }

        span[length++] = (byte)value;
        output.Advance(length);
    }
}
