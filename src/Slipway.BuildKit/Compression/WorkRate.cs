namespace Slipway.BuildKit.Compression;

/// <summary>How many bytes per second are compressed at one level.</summary>
/// <param name="expected">What an ordinary machine does: the most that is believed, and where the belief goes back to while nothing is measured.</param>
internal sealed class WorkRate(double expected)
{
    private double? _rate;
    private long _bytes;
    private long _ticks;

    /// <summary>Takes note of a piece of work; from any thread.</summary>
    public void Add(int bytes, TimeSpan time)
    {
        Interlocked.Add(ref _bytes, bytes);
        Interlocked.Add(ref _ticks, time.Ticks);
    }

    /// <summary>The rate by all that was noted since this was last asked; one caller at a time.</summary>
    public double Update()
    {
        var (bytes, ticks) = (Interlocked.Exchange(ref _bytes, 0), Interlocked.Exchange(ref _ticks, 0));
        var measured = ticks == 0 ? expected : Math.Min(bytes / TimeSpan.FromTicks(ticks).TotalSeconds, expected);
        return (_rate = ((_rate ?? expected) + measured) / 2).Value;
    }
}
