using System.Globalization;
using CsCheck;
using Microsoft.Extensions.Time.Testing;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Wire.Control;
using Xunit;

namespace Slipway.Tests.BuildKit.Progress;

public sealed class BuildLogTests
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.Parse("2026-11-24T00:00:00Z", CultureInfo.InvariantCulture));
    private readonly BuildLog _log;

    public BuildLogTests() => _log = new BuildLog(_clock);

    [Fact]
    public void A_step_starts_grows_and_ends()
    {
        var steps = new VertexWriter(_log.Add, _clock);
        var step = steps.Start("work");
        step.Log("one\ntw");
        step.Log("o\n");
        step.Report("part", 1, 2, _clock.GetUtcNow(), completed: false);
        var vertex = Assert.Single(_log.Started);

        Assert.Equal(["0.000 one", "0.000 two"], vertex.NewLines.Select(line => line.ToString()));
        Assert.Equal("part", Assert.Single(vertex.Statuses).Id);
        Assert.False(vertex.IsCompleted);

        step.Fail("broken");
        step.Complete();
        Assert.True(vertex.IsCompleted);
        Assert.Equal("broken", vertex.Error);
        Assert.False(vertex.IsCanceled);
    }

    [Fact]
    public void Messages_about_unknown_steps_are_passed_over()
    {
        _log.Add(new StatusResponse { Logs = { new VertexLog { Vertex = "?" } }, Statuses = { new VertexStatus { Vertex = "?" } }, Warnings = { new VertexWarning { Vertex = "?" } } });

        Assert.Empty(_log.Changed);
        Assert.Single(_log.Warnings);
    }

    [Fact]
    public async Task A_failing_step_keeps_its_failure()
    {
        var steps = new VertexWriter(_log.Add, _clock);

        await Assert.ThrowsAsync<InvalidOperationException>(() => steps.RunAsync("work", _ => throw new InvalidOperationException("no luck")));
        await Assert.ThrowsAsync<OperationCanceledException>(() => steps.RunAsync("other", _ => throw new OperationCanceledException()));

        Assert.Equal(["no luck", "context canceled"], _log.Started.Select(vertex => vertex.Error));
        Assert.True(_log.Started[1].IsCanceled);
    }

    [Fact]
    public void Only_so_many_lines_are_kept()
    {
        var step = new VertexWriter(_log.Add, _clock).Start("work");
        for (var i = 0; i < 1000; i++)
        {
            step.Log($"{i}\n");
            _log.Started[0].DropLinesBeyond(100);
        }

        Assert.InRange(_log.Started[0].NewLines.Count, 80, 100);
        Assert.Equal("0.000 999", _log.Started[0].NewLines[^1].ToString());
    }

    [Theory]
    [InlineData(0.0004, "0.000 ")]
    [InlineData(9.9994, "9.999 ")]
    [InlineData(10, "10.00 ")]
    [InlineData(99.99, "99.99 ")]
    [InlineData(100.25, "100.2 ")]
    public void A_line_begins_with_its_time(double seconds, string prefix) => Assert.Equal(prefix, LogLine.PrefixFor(seconds));

    [Fact]
    public void Joined_intervals_cover_the_same_seconds_once() =>
        Gen.Select(Gen.Int[0, 20], Gen.Int[0, 8]).Array[0, 8].Sample(pairs =>
        {
            var intervals = pairs.Select(pair => new RunInterval(pair.Item1, pair.Item1 + pair.Item2)).ToList();
            var merged = RunInterval.Merge(intervals);

            Assert.Equal(Covered(intervals), Covered(merged));
            Assert.All(merged.Zip(merged.Skip(1)), pair => Assert.True(pair.First.Stop < pair.Second.Start));
        });

    [Fact]
    public void An_interval_without_end_takes_all_that_follow() =>
        Assert.Equal([new(1, null)], RunInterval.Merge([new(5, 6), new(2, null), new(1, 3), new(9, 10)]));

    // The texts are those of C's and Go's printf.
    [Theory]
    [InlineData(0.25, 1, "0.2")]
    [InlineData(0.35, 1, "0.3")]
    [InlineData(1.125, 2, "1.12")]
    [InlineData(1.375, 2, "1.38")]
    [InlineData(2.5, 0, "2")]
    [InlineData(-0.05, 1, "-0.1")]
    [InlineData(1e20, 1, "100000000000000000000.0")]
    [InlineData(0, 2, "0.00")]
    [InlineData(0.0005, 3, "0.001")]
    public void Halves_round_to_even(double value, int decimals, string text) => Assert.Equal(text, FixedPoint.Format(value, decimals));

    [Fact]
    public void Rounding_is_that_of_decimal_arithmetic() =>
        Gen.Select(Gen.Int[0, 4_000_000], Gen.Int[0, 3]).Sample((eighths, decimals) => Assert.Equal(
            Math.Round(eighths / 8m, decimals, MidpointRounding.ToEven).ToString($"F{decimals}", CultureInfo.InvariantCulture),
            FixedPoint.Format(eighths / 8.0, decimals)));

    private static HashSet<long> Covered(IEnumerable<RunInterval> intervals) =>
        [.. intervals.SelectMany(interval => Enumerable.Range((int)interval.Start, (int)(interval.Stop!.Value - interval.Start + 1)).Select(second => (long)second))];
}
