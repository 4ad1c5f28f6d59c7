using System.IO.Compression;
using Microsoft.Extensions.Time.Testing;
using Slipway.BuildKit.Compression;
using Xunit;

namespace Slipway.Tests.BuildKit.Compression;

public sealed class LineJudgeTests
{
    private readonly FakeTimeProvider _clock = new();
    private LineReading? _line = new(0, TimeSpan.Zero);

    [Theory]
    [InlineData(100_000, CompressionLevel.Optimal)]
    [InlineData(9_500_000, CompressionLevel.Optimal)]
    [InlineData(10_500_000, CompressionLevel.Fastest)]
    [InlineData(39_000_000, CompressionLevel.Fastest)]
    [InlineData(41_000_000, CompressionLevel.NoCompression)]
    [InlineData(117_000_000, CompressionLevel.NoCompression)]
    [InlineData(2_000_000_000, CompressionLevel.NoCompression)]
    public void It_pays_below_a_third_of_what_both_ends_can_work(double bytesPerSecond, CompressionLevel level)
    {
        var judge = Judge();
        Carry(bytesPerSecond, seconds: 1);
        Assert.Equal(level, judge.Level());
    }

    [Fact]
    public void Nothing_is_compressed_before_the_line_is_known()
    {
        var judge = Judge();
        Assert.Equal(CompressionLevel.NoCompression, judge.Level());
        Carry(bytesPerSecond: 100_000, seconds: 0.2);
        Assert.Equal(CompressionLevel.NoCompression, judge.Level());
        Carry(bytesPerSecond: 100_000, seconds: 0.2);
        Assert.NotEqual(CompressionLevel.NoCompression, judge.Level());
    }

    [Fact]
    public void A_sender_that_has_little_to_send_does_not_make_a_line_thin()
    {
        var judge = Judge();
        _line = new LineReading(1_000_000, TimeSpan.FromMilliseconds(1));
        _clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(CompressionLevel.NoCompression, judge.Level());
    }

    [Fact]
    public void The_kernel_is_asked_ten_times_a_second_at_most()
    {
        var asked = 0;
        var judge = new LineJudge(() => new LineReading(100_000 * ++asked, TimeSpan.FromSeconds(asked)), _clock);
        for (var i = 0; i < 1000; i++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(1));
            judge.Level();
        }

        Assert.Equal(11, asked);
    }

    [Fact]
    public void A_line_that_recovers_is_left_alone_again()
    {
        var judge = Judge();
        Carry(bytesPerSecond: 1_000_000, seconds: 1);
        Assert.NotEqual(CompressionLevel.NoCompression, judge.Level());
        Carry(bytesPerSecond: 100_000_000, seconds: 1);
        Assert.Equal(CompressionLevel.NoCompression, judge.Level());
    }

    [Fact]
    public void A_machine_too_busy_to_compress_stops_and_tries_again_later()
    {
        var judge = Judge();
        Carry(bytesPerSecond: 30_000_000, seconds: 1);
        Assert.NotEqual(CompressionLevel.NoCompression, judge.Level());
        judge.Worked(CompressionLevel.Fastest, 1_000_000, TimeSpan.FromSeconds(1));
        Carry(bytesPerSecond: 30_000_000, seconds: 1);
        Assert.Equal(CompressionLevel.NoCompression, judge.Level());
        for (var i = 0; i < 3; i++)
        {
            Carry(bytesPerSecond: 30_000_000, seconds: 1);
            judge.Level();
        }

        Assert.NotEqual(CompressionLevel.NoCompression, judge.Level());
    }

    [Fact]
    public void Where_the_kernel_tells_nothing_nothing_is_compressed()
    {
        _line = null;
        var judge = Judge();
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(CompressionLevel.NoCompression, judge.Level());
    }

    private LineJudge Judge() => new(() => _line, _clock);

    private void Carry(double bytesPerSecond, double seconds)
    {
        _line = new LineReading(_line!.Value.Bytes + (long)(bytesPerSecond * seconds), _line.Value.Busy + TimeSpan.FromSeconds(seconds));
        _clock.Advance(TimeSpan.FromSeconds(seconds));
    }
}
