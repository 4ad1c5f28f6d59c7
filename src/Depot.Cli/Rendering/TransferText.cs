using System.Globalization;
using Slipway.BuildKit.Progress;

namespace Depot.Cli.Rendering;

/// <summary>What stands behind a transfer that runs: how much, how far, how fast.</summary>
/// <remarks><c>12.58MB / 104.86MB [==>                 ]  12% 8.39MB/s</c>; without a total, <c>12.58MB 8.39MB/s</c>.</remarks>
internal sealed class TransferText
{
    private const int BarWidth = 20;

    /// <summary>Rates are of at least this time, so that they can be read.</summary>
    private const double SampleSeconds = 0.5;

    /// <summary>How much of a new sample goes into what is shown.</summary>
    private const double Smoothing = 0.4;

    private readonly Dictionary<BuildStatus, Sample> _samples = [];

    /// <param name="total">The bytes in all; 0 when unknown.</param>
    /// <param name="now">This machine's time in nanoseconds.</param>
    public string Of(BuildStatus status, long total, long now)
    {
        var current = status.Latest.Current;
        var size = SizeText.Progress(current, total);
        if (size.Length == 0)
        {
            return "";
        }

        var bar = total > 0 ? $" {Bar(Math.Clamp(current / (double)total, 0, 1))}" : "";
        var rate = Rate(status, current, now);
        return rate > 0 ? $"{size}{bar} {SizeText.Format(rate)}/s" : $"{size}{bar}";
    }

    private static string Bar(double share)
    {
        var filled = (int)(share * BarWidth);
        var head = filled < BarWidth ? ">" : "";
        return string.Create(CultureInfo.InvariantCulture, $"[{new string('=', filled)}{head}{new string(' ', Math.Max(0, BarWidth - filled - 1))}] {(int)(share * 100),3}%");
    }

    private long Rate(BuildStatus status, long current, long now)
    {
        if (!_samples.TryGetValue(status, out var last))
        {
            _samples[status] = new Sample(now, current, 0);
            return 0;
        }

        var seconds = (now - last.At) / 1e9;
        if (seconds < SampleSeconds)
        {
            return (long)last.Rate;
        }

        var rate = Math.Max(0, current - last.Current) / seconds;
        var shown = last.Rate == 0 ? rate : last.Rate + ((rate - last.Rate) * Smoothing);
        _samples[status] = new Sample(now, current, shown);
        return (long)shown;
    }

    private readonly record struct Sample(long At, long Current, double Rate);
}
