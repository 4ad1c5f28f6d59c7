using Xunit;
using Microsoft.Extensions.Time.Testing;
using Slipway.BuildKit.Compression;

namespace Slipway.Tests.BuildKit.Compression;

public sealed class LineJudgeTests
{
    private readonly FakeTimeProvider _clock = new();
    private LineReading? _line = new(0, TimeSpan.Zero);

    [Theory]
    [InlineData(100_000, true, true)]
    [InlineData(1_900_000, true, true)]
    [InlineData(2_100_000, true, false)]
    [InlineData(39_000_000, true, false)]
    [InlineData(41_000_000, false, false)]
    [InlineData(117_000_000, false, false)]
    [InlineData(2_000_000_000, false, false)]
    public void It_pays_below_a_third_of_what_both_ends_can_work(double bytesPerSecond, bool pays, bool thorough)
    {
        var judge = Judge();
        Carry(bytesPerSecond, seconds: 1);
        Assert.Equal((pays, thorough), (judge.Pays(), judge.IsThorough));
    }

    [Fact]
    public void Nothing_is_compressed_before_the_line_is_known()
    {
        var judge = Judge();
        Assert.False(judge.Pays());
        Carry(bytesPerSecond: 100_000, seconds: 0.2);
        Assert.False(judge.Pays());
        Carry(bytesPerSecond: 100_000, seconds: 0.2);
        Assert.True(judge.Pays());
    }

    [Fact]
    public void A_sender_that_has_little_to_send_does_not_make_a_line_thin()
    {
        var judge = Judge();
        _line = new LineReading(1_000_000, TimeSpan.FromMilliseconds(1));
        _clock.Advance(TimeSpan.FromSeconds(10));
        Assert.False(judge.Pays());
    }

    [Fact]
    public void The_kernel_is_asked_ten_times_a_second_at_most()
    {
        var asked = 0;
        var judge = new LineJudge(() => new LineReading(100_000 * ++asked, TimeSpan.FromSeconds(asked)), _clock);
        for (var i = 0; i < 1000; i++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(1));
            judge.Pays();
        }

        Assert.Equal(11, asked);
    }

    [Fact]
    public void A_line_that_recovers_is_left_alone_again()
    {
        var judge = Judge();
        Carry(bytesPerSecond: 1_000_000, seconds: 1);
        Assert.True(judge.Pays());
        Carry(bytesPerSecond: 100_000_000, seconds: 1);
        Assert.False(judge.Pays());
    }

    [Fact]
    public void A_machine_too_busy_to_compress_stops_and_tries_again_later()
    {
        var judge = Judge();
        Carry(bytesPerSecond: 30_000_000, seconds: 1);
        Assert.True(judge.Pays());
        judge.Worked(1_000_000, TimeSpan.FromSeconds(1));
        Carry(bytesPerSecond: 30_000_000, seconds: 1);
        Assert.False(judge.Pays());
        for (var i = 0; i < 3; i++)
        {
            Carry(bytesPerSecond: 30_000_000, seconds: 1);
            judge.Pays();
        }

        Assert.True(judge.Pays());
    }

    [Fact]
    public void Where_the_kernel_tells_nothing_nothing_is_compressed()
    {
        _line = null;
        var judge = Judge();
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.False(judge.Pays());
    }

    private LineJudge Judge() => new(() => _line, _clock);

    private void Carry(double bytesPerSecond, double seconds)
    {
        _line = new LineReading(_line!.Value.Bytes + (long)(bytesPerSecond * seconds), _line.Value.Busy + TimeSpan.FromSeconds(seconds));
        _clock.Advance(TimeSpan.FromSeconds(seconds));
    }
}
