using System.Buffers;
using System.Text;

namespace Slipway.BuildKit.Http2;

/// <summary>Reads one connection's header blocks (RFC 7541). Not thread-safe: blocks come in the order of the wire.</summary>
/// <param name="tableBytesMax">The SETTINGS_HEADER_TABLE_SIZE announced to the peer.</param>
/// <param name="listBytesMax">The largest header list, counted as SETTINGS_MAX_HEADER_LIST_SIZE counts (name + value + 32 per field).</param>
/// <param name="fieldsMax">The largest number of fields; BuildKit sends one per exclude pattern and per followed path.</param>
public sealed class HpackDecoder(
    int tableBytesMax = Http2Frame.DefaultHeaderTableBytes,
    int listBytesMax = HpackDecoder.DefaultListBytesMax,
    int fieldsMax = HpackDecoder.DefaultFieldsMax)
{
    public const int DefaultListBytesMax = 1024 * 1024;
    public const int DefaultFieldsMax = 16384;

    private readonly HpackDynamicTable _table = new(tableBytesMax);

    /// <summary>Decodes one whole header block (HEADERS with its CONTINUATIONs).</summary>
    /// <exception cref="Http2Exception">The block is malformed or over a limit. The connection's table can no longer be trusted.</exception>
    public List<HeaderField> Decode(ReadOnlySpan<byte> block)
    {
        var reader = new HpackReader(block);
        var fields = new List<HeaderField>();
        var listBytes = 0;
        var first = true;
        while (!reader.AtEnd)
        {
            var kind = reader.Peek();
            if ((kind & 0xe0) == 0x20)
            {
                ReadTableSize(ref reader, allowed: first);
                continue;
            }

            first = false;
            var field = ReadField(ref reader, kind);
            listBytes += HpackDynamicTable.SizeOf(field);
            if (listBytes > listBytesMax || fields.Count == fieldsMax)
            {
                throw new Http2Exception(
                    Http2ErrorCode.EnhanceYourCalm, $"The peer sent a header list over the limits ({listBytesMax} bytes, {fieldsMax} fields).");
            }

            fields.Add(field);
        }

        return fields;
    }

    private void ReadTableSize(ref HpackReader reader, bool allowed)
    {
        var size = reader.ReadInteger(5);
        if (!allowed || size > tableBytesMax)
        {
            throw HpackReader.Malformed("a table size update out of place or over the announced size");
        }

        _table.Resize(size);
    }

    /// <remarks>
    /// | first bits | representation |
    /// | 1 | indexed field (7-bit index) |
    /// | 01 | literal, added to the table (6-bit name index) |
    /// | 0000, 0001 | literal, not added (4-bit name index) |
    /// </remarks>
    private HeaderField ReadField(ref HpackReader reader, byte kind)
    {
        if ((kind & 0x80) != 0)
        {
            return At(reader.ReadInteger(7));
        }

        var added = (kind & 0x40) != 0;
        var nameIndex = reader.ReadInteger(added ? 6 : 4);
        var name = nameIndex == 0 ? reader.ReadString(listBytesMax) : At(nameIndex).Name;
        var field = new HeaderField(name, reader.ReadString(listBytesMax));
        if (added)
        {
            _table.Add(field);
        }

        return field;
    }

    private HeaderField At(int index)
    {
        if (index is > 0 and <= HpackStaticTable.Count)
        {
            return HpackStaticTable.At(index);
        }

        var place = index - HpackStaticTable.Count - 1;
        return place >= 0 && place < _table.Count ? _table.At(place) : throw HpackReader.Malformed($"the unknown index {index}");
    }
}

/// <summary>HPACK's integers and strings, read from one header block.</summary>
internal ref struct HpackReader(ReadOnlySpan<byte> block)
{
    private readonly ReadOnlySpan<byte> _block = block;
    private int _next;

    public readonly bool AtEnd => _next == _block.Length;

    public readonly byte Peek() => _next < _block.Length ? _block[_next] : throw Malformed("a cut field");

    /// <summary>An integer whose first byte lends its low <paramref name="prefixBits"/> bits (RFC 7541 §5.1).</summary>
    public int ReadInteger(int prefixBits)
    {
        var prefixMax = (1 << prefixBits) - 1;
        var value = Peek() & prefixMax;
        _next++;
        if (value < prefixMax)
        {
            return value;
        }

        // Four more bytes hold more than any size or index that this side allows.
        for (var shift = 0; shift < 28; shift += 7)
        {
            var more = Peek();
            _next++;
            value += (more & 0x7f) << shift;
            if ((more & 0x80) == 0)
            {
                return value;
            }
        }

        throw Malformed("an integer that is too large");
    }

    public string ReadString(int bytesMax)
    {
        var huffman = (Peek() & 0x80) != 0;
        var length = ReadInteger(7);
        if (length > _block.Length - _next)
        {
            throw Malformed("a cut string");
        }

        var bytes = _block.Slice(_next, length);
        _next += length;
        return huffman ? DecodeHuffman(bytes, bytesMax) : Encoding.Latin1.GetString(bytes);
    }

    private static string DecodeHuffman(ReadOnlySpan<byte> bytes, int bytesMax)
    {
        // The shortest code has five bits, so 8/5 of the input bounds the output.
        var bound = (int)Math.Min(bytesMax, bytes.Length * 8L / 5);
        var rented = bound > 512 ? ArrayPool<byte>.Shared.Rent(bound) : null;
        var output = rented is null ? stackalloc byte[512] : rented;
        try
        {
            return HpackHuffman.TryDecode(bytes, output[..bound], out var written)
                ? Encoding.Latin1.GetString(output[..written])
                : throw Malformed("a string that is no Huffman code");
        }
        finally
        {
            if (rented is not null)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }

    public static Http2Exception Malformed(string what) =>
        new(Http2ErrorCode.CompressionError, $"The peer sent a header block with {what}.");
}

/// <summary>The entries that earlier blocks added, newest first (RFC 7541 §2.3.2): a ring that drops the oldest.</summary>
internal sealed class HpackDynamicTable(int bytesMax)
{
    private HeaderField[] _ring = new HeaderField[16];
    private int _newest;
    private int _bytes;
    private int _bytesMax = bytesMax;

    public int Count { get; private set; }

    /// <summary>RFC 7541 §4.1: 32 bytes stand for an entry's overhead.</summary>
    public static int SizeOf(HeaderField field) => field.Name.Length + field.Value.Length + 32;

    /// <param name="place">0 is the newest.</param>
    public HeaderField At(int place) => _ring[(_newest - place) & (_ring.Length - 1)];

    public void Add(HeaderField field)
    {
        var size = SizeOf(field);
        DropUntil(_bytesMax - size);

        // An entry larger than the whole table empties it and is not an error (RFC 7541 §4.4).
        if (size > _bytesMax)
        {
            return;
        }

        if (Count == _ring.Length)
        {
            Grow();
        }

        _newest = (_newest + 1) & (_ring.Length - 1);
        _ring[_newest] = field;
        Count++;
        _bytes += size;
    }

    public void Resize(int bytesMax)
    {
        _bytesMax = bytesMax;
        DropUntil(bytesMax);
    }

    private void DropUntil(int bytes)
    {
        while (Count > 0 && _bytes > bytes)
        {
            var oldest = (_newest - Count + 1) & (_ring.Length - 1);
            _bytes -= SizeOf(_ring[oldest]);
            _ring[oldest] = default;
            Count--;
        }
    }

    private void Grow()
    {
        var grown = new HeaderField[_ring.Length * 2];
        for (var place = 0; place < Count; place++)
        {
            grown[Count - 1 - place] = At(place);
        }

        _ring = grown;
        _newest = Count - 1;
    }
}
