using System.Buffers;
using CsCheck;
using Slipway.BuildKit.Http2;
using Xunit;

namespace Slipway.Tests.BuildKit.Http2;

public sealed class HpackTests
{
    // RFC 7541 appendix C: C.3 and C.4 (requests), C.5 and C.6 (responses, table of 256 bytes).
    private static readonly string[] PlainRequests =
    [
        "828684410f7777772e6578616d706c652e636f6d",
        "828684be58086e6f2d6361636865",
        "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
    ];

    private static readonly string[] HuffmanRequests =
    [
        "828684418cf1e3c2e5f23a6ba0ab90f4ff",
        "828684be5886a8eb10649cbf",
        "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
    ];

    private static readonly string[] PlainResponses =
    [
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        "4803333037c1c0bf",
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
    ];

    private static readonly string[] HuffmanResponses =
    [
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
        "4883640effc1c0bf",
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ];

    private static readonly string[][] Requests =
    [
        [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
        [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"],
        [":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value"],
    ];

    private static readonly string[][] Responses =
    [
        [":status: 302", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT", "location: https://www.example.com"],
        [":status: 307", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT", "location: https://www.example.com"],
        [
            ":status: 200", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:22 GMT", "location: https://www.example.com",
            "content-encoding: gzip", "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
        ],
    ];

    private static readonly Gen<HeaderField> AnyField = Gen.Select(
        Gen.String[Gen.Char["abcdefghijklmnopqrstuvwxyz-0123456789"], 1, 30],
        Gen.String[Gen.Char['\u0020', '\u00ff'], 0, 300],
        (name, value) => new HeaderField(name, value));

    [Fact]
    public void The_examples_of_the_RFC_decode_in_sequence()
    {
        Check(PlainRequests, Requests, tableBytes: 4096);
        Check(HuffmanRequests, Requests, tableBytes: 4096);
        Check(PlainResponses, Responses, tableBytes: 256);
        Check(HuffmanResponses, Responses, tableBytes: 256);
    }

    [Fact]
    public void Literals_of_every_kind_decode()
    {
        Assert.Equal("custom-key: custom-header", Text(Decode("400a637573746f6d2d6b65790d637573746f6d2d686561646572"))[0]);
        Assert.Equal(":path: /sample/path", Text(Decode("040c2f73616d706c652f70617468"))[0]);
        Assert.Equal("password: secret", Text(Decode("100870617373776f726406736563726574"))[0]);
    }

    [Fact]
    public void What_is_encoded_decodes_to_the_same_fields_in_the_same_order()
    {
        AnyField.List[0, 40].Sample(fields =>
        {
            var output = new ArrayBufferWriter<byte>();
            HpackEncoder.WriteTableSizeZero(output);
            HpackEncoder.Write(output, fields);
            Assert.Equal(fields, new HpackDecoder().Decode(output.WrittenSpan));
        });
    }

    [Fact]
    public void Every_Huffman_string_decodes_to_itself()
    {
        Gen.Byte.Array[0, 400].Sample(bytes =>
        {
            var encoded = HpackHuffman.Encode(bytes);
            var decoded = new byte[bytes.Length];
            Assert.True(HpackHuffman.TryDecode(encoded, decoded, out var written));
            Assert.Equal(bytes, decoded.AsSpan(0, written).ToArray());
        });
    }

    [Theory]
    [InlineData("")]
    [InlineData("00")]
    [InlineData("fe")]
    [InlineData("ffffffff")]
    [InlineData("f8ff")]
    public void Huffman_padding_must_be_short_and_all_ones(string hex)
    {
        // The empty string is valid; five bits 11111 are no code, so "f8" is the symbol '&' and nothing else here is whole.
        var valid = hex.Length == 0;
        Assert.Equal(valid, HpackHuffman.TryDecode(Convert.FromHexString(hex), new byte[16], out _));
    }

    [Fact]
    public void Garbage_is_refused_with_the_typed_exception_and_nothing_else()
    {
        Gen.Byte.Array[0, 200].Sample(bytes =>
        {
            try
            {
                new HpackDecoder().Decode(bytes);
            }
            catch (Http2Exception)
            {
            }
        });
    }

    [Fact]
    public void A_damaged_block_is_refused_with_the_typed_exception_and_nothing_else()
    {
        var block = Convert.FromHexString(HuffmanResponses[2]);
        Gen.Select(Gen.Int[0, block.Length - 1], Gen.Byte).Sample((at, value) =>
        {
            var damaged = (byte[])block.Clone();
            damaged[at] = value;
            try
            {
                new HpackDecoder().Decode(damaged);
            }
            catch (Http2Exception)
            {
            }
        });
    }

    [Theory]
    [InlineData("80")] // index 0
    [InlineData("be")] // first dynamic entry of an empty table
    [InlineData("ffffffffff7f")] // index beyond 32 bits
    [InlineData("3fffffffff0f")] // table size beyond 32 bits
    [InlineData("3fe21f")] // table size 4097
    [InlineData("8220")] // table size after a field
    [InlineData("400a6375")] // cut name
    [InlineData("4083ffffff00")] // a name that is only padding, 24 bits of it
    public void A_malformed_block_is_a_compression_error(string hex)
    {
        var thrown = Assert.Throws<Http2Exception>(() => Decode(hex));
        Assert.Equal(Http2ErrorCode.CompressionError, thrown.Code);
    }

    [Fact]
    public void A_shrunk_table_forgets_and_a_grown_one_remembers_again()
    {
        var decoder = new HpackDecoder();
        decoder.Decode(Convert.FromHexString("40016101624001630164"));
        Assert.Equal(["c: d", "a: b"], Text(decoder.Decode(Convert.FromHexString("bebf"))));

        // 34 bytes hold the newer entry only.
        decoder.Decode(Convert.FromHexString("3f03"));
        Assert.Equal(["c: d"], Text(decoder.Decode(Convert.FromHexString("be"))));
        Assert.Throws<Http2Exception>(() => decoder.Decode(Convert.FromHexString("bf")));

        decoder.Decode(Convert.FromHexString("203fe11f4001650166"));
        Assert.Equal(["e: f"], Text(decoder.Decode(Convert.FromHexString("be"))));
    }

    [Fact]
    public void Many_entries_keep_their_places_while_the_table_turns_over()
    {
        var decoder = new HpackDecoder();
        for (var i = 0; i < 500; i++)
        {
            var name = $"k{i:000}";
            var output = new ArrayBufferWriter<byte>();
            output.Write((byte[])[0x40, 4]);
            output.Write(System.Text.Encoding.ASCII.GetBytes(name));
            output.Write((byte[])[1, (byte)'v', 0xbe]);
            var fields = decoder.Decode(output.WrittenSpan);
            Assert.Equal([$"{name}: v", $"{name}: v"], Text(fields));
            var oldest = Math.Min(i, (4096 / 37) - 1);
            Assert.Equal($"k{i - oldest:000}: v", Text(decoder.Decode(IndexOf(62 + oldest)))[0]);
        }
    }

    [Fact]
    public void A_header_bomb_stops_at_the_limit()
    {
        // One entry of 4000 bytes, then 2000 one-byte references to it: 8 MB from 6 KB.
        var bomb = new ArrayBufferWriter<byte>();
        bomb.Write((byte[])[0x40, 1, (byte)'x', 0x7f, 0xa1, 0x1e]);
        bomb.Write(Enumerable.Repeat((byte)'y', 4000).ToArray());
        bomb.Write(Enumerable.Repeat((byte)0xbe, 2000).ToArray());
        Assert.Equal(Http2ErrorCode.EnhanceYourCalm, Assert.Throws<Http2Exception>(() => new HpackDecoder().Decode(bomb.WrittenSpan)).Code);

        var many = Enumerable.Repeat((byte)0x82, 20000).ToArray();
        Assert.Equal(Http2ErrorCode.EnhanceYourCalm, Assert.Throws<Http2Exception>(() => new HpackDecoder().Decode(many)).Code);
    }

    [Fact]
    public void A_frame_header_survives_the_wire()
    {
        Gen.Select(Gen.Int[0, Http2Frame.PayloadBytesLimit], Gen.Byte, Gen.Byte, Gen.Int[0, int.MaxValue]).Sample((length, type, flags, stream) =>
        {
            var header = new Http2FrameHeader(length, (Http2FrameType)type, (Http2Flags)flags, stream);
            Span<byte> wire = stackalloc byte[Http2Frame.HeaderLength];
            header.Write(wire);
            Assert.Equal(header, Http2FrameHeader.Read(wire));
        });
    }

    private static void Check(string[] blocks, string[][] expected, int tableBytes)
    {
        var decoder = new HpackDecoder(tableBytes);
        for (var i = 0; i < blocks.Length; i++)
        {
            Assert.Equal(expected[i], Text(decoder.Decode(Convert.FromHexString(blocks[i]))));
        }
    }

    private static byte[] IndexOf(int index) => index < 127 ? [(byte)(0x80 | index)] : index - 127 < 128
        ? [0xff, (byte)(index - 127)]
        : [0xff, (byte)(0x80 | ((index - 127) & 0x7f)), (byte)((index - 127) >> 7)];

    private static List<HeaderField> Decode(string hex) => new HpackDecoder().Decode(Convert.FromHexString(hex));

    private static string[] Text(List<HeaderField> fields) => [.. fields.Select(f => $"{f.Name}: {f.Value}")];
}
