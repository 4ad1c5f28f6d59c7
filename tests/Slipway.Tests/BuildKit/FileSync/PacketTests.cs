using System.Buffers;
using System.Text;
using Slipway.BuildKit.FileSync;
using Xunit;

namespace Slipway.Tests.BuildKit.FileSync;

public sealed class PacketTests
{
    [Fact]
    public async Task Packets_look_as_protobuf_says()
    {
        Assert.Equal("", await EncodeAsync(packets => packets.AppendEndOfWalk()));
        Assert.Equal("0801", await EncodeAsync(packets => packets.AppendRequest(0)));
        Assert.Equal("080118AC02", await EncodeAsync(packets => packets.AppendRequest(300)));
        Assert.Equal("08021801", await EncodeAsync(packets => packets.AppendEndOfFile(1)));
        Assert.Equal("0803", await EncodeAsync(packets => packets.AppendFinish()));
        Assert.Equal("08042203" + Convert.ToHexString("bad"u8), await EncodeAsync(packets => packets.AppendError("bad"u8)));
    }

    [Theory]
    [InlineData(0u, 10, 10)]
    [InlineData(7u, 4096, 10)]
    [InlineData(7u, 200, 127)]
    [InlineData(300u, 20000, 16383)]
    [InlineData(uint.MaxValue, 4096, 4096)]
    public async Task Content_stays_whole_when_a_file_is_shorter_than_expected(uint id, int reserved, int actual)
    {
        var content = Enumerable.Range(0, actual).Select(i => (byte)i).ToArray();
        var encoded = Convert.FromHexString(await EncodeAsync(packets =>
        {
            content.CopyTo(packets.ReserveData(id, reserved));
            packets.CommitData(id, reserved, actual);
        }));
        var packet = Packet.Read(new ReadOnlySequence<byte>(encoded));
        Assert.Equal(PacketType.Data, packet.Type);
        Assert.Equal(id, packet.Id);
        Assert.Equal(content, packet.Data.ToArray());
    }

    [Fact]
    public void A_stat_is_read_field_by_field()
    {
        byte[] encoded =
        [
            0x0A, 3, (byte)'a', (byte)'/', 0xFF, 0x10, 0xED, 0x83, 0x80, 0x80, 0x08, 0x18, 1, 0x20, 2, 0x28, 0xAC, 0x02, 0x30, 5,
            0x3A, 1, (byte)'t', 0x40, 8, 0x48, 9, 0x52, 6, 0x0A, 1, (byte)'k', 0x12, 1, (byte)'v', 0x58, 1,
        ];
        var stat = FileStat.Read(new ReadOnlySequence<byte>(encoded));
        Assert.Equal("a/\u00FF", Encoding.Latin1.GetString(stat.Path));
        Assert.Equal(2147484141u, stat.Mode);
        Assert.Equal((1u, 2u, 300L, 5L, 8L, 9L), (stat.Uid, stat.Gid, stat.Size, stat.ModTime, stat.DevMajor, stat.DevMinor));
        Assert.Equal("t"u8.ToArray(), stat.Linkname);
        var (key, value) = Assert.Single(stat.Xattrs!);
        Assert.Equal(("k", "v"), (Encoding.ASCII.GetString(key), Encoding.ASCII.GetString(value)));
    }

    [Theory]
    [InlineData("12")]
    [InlineData("12FF")]
    [InlineData("22058080")]
    [InlineData("12FFFFFFFFFFFFFFFFFF01")]
    [InlineData("18FFFFFFFFFFFFFFFFFFFF01")]
    [InlineData("0805")]
    [InlineData("0F")]
    [InlineData("2D00")]
    public void What_is_no_packet_is_refused(string hex)
    {
        Assert.Throws<InvalidDataException>(() => Packet.Read(new ReadOnlySequence<byte>(Convert.FromHexString(hex))));
    }

    private static async Task<string> EncodeAsync(Action<PacketWriter> append)
    {
        var pair = new MemoryStreamPair();
        await using (var packets = new PacketWriter(pair.Client, 256))
        {
            append(packets);
            await packets.DrainAsync(CancellationToken.None);
        }

        Assert.Equal(1, pair.Client.MessagesWritten);
        using var message = await pair.Engine.ReadAsync(CancellationToken.None);
        return Convert.ToHexString(message!.Payload.ToArray());
    }
}
