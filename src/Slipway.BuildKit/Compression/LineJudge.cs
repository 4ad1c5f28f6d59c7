namespace Slipway.BuildKit.Compression;

/// <summary>Decides from moment to moment whether compressing pays on one connection.</summary>
/// <remarks>
/// It pays while the line takes clearly longer for a byte than the slower of the two ends that work on it. On loopback and in a gigabit network
/// it never does; there the whole cost is a look at the clock for every batch, and one question to the kernel ten times a second.
/// </remarks>
internal sealed class LineJudge(Func<LineReading?> line, TimeProvider clock)
{
    /// <summary>An engine inflates about this much in a second on one core (Go's compress/flate); this side deflates as much. Bytes per second.</summary>
    private const double WorkRateMax = 120_000_000;

    /// <summary>The line must be this many times slower than the work: both ends have other things to do.</summary>
    private const double Margin = 3;

    /// <summary>Below this rate there is time for twice the work and a third fewer bytes. Bytes per second.</summary>
    private const double ThoroughRate = 2_000_000;

    private const int BytesPerReadingMin = 32 * 1024;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private long _judgedAt = clock.GetTimestamp();
    private LineReading? _last = line();
    private double _workRate = WorkRateMax;
    private long _workedBytes;
    private long _workedTicks;
    private volatile bool _pays;
    private volatile bool _thorough;

    public bool Pays()
    {
        var judgedAt = Interlocked.Read(ref _judgedAt);
        var now = clock.GetTimestamp();

        // One of the tasks that ask does the work, once in a while.
        if (clock.GetElapsedTime(judgedAt, now) >= Interval && Interlocked.CompareExchange(ref _judgedAt, now, judgedAt) == judgedAt)
        {
            Judge();
        }

        return _pays;
    }

    /// <summary>The line is so thin that smaller is better than quick.</summary>
    public bool IsThorough => _thorough;

    /// <summary>Takes note of what compressing cost.</summary>
    public void Worked(int bytes, TimeSpan time)
    {
        Interlocked.Add(ref _workedBytes, bytes);
        Interlocked.Add(ref _workedTicks, time.Ticks);
    }

    private void Judge()
    {
        if (line() is not { } reading || _last is not { } last)
        {
            _pays = false;
            return;
        }

        if (reading.Bytes - last.Bytes < BytesPerReadingMin)
        {
            return;
        }

        _last = reading;
        var lineRate = (reading.Bytes - last.Bytes) / Math.Max((reading.Busy - last.Busy).TotalSeconds, 1e-6);
        _pays = lineRate * Margin < WorkRate();
        _thorough = lineRate < ThoroughRate;
    }

    /// <summary>As measured; while nothing is compressed the belief in the machine comes back.</summary>
    private double WorkRate()
    {
        var (bytes, ticks) = (Interlocked.Exchange(ref _workedBytes, 0), Interlocked.Exchange(ref _workedTicks, 0));
        var measured = ticks == 0 ? WorkRateMax : Math.Min(bytes / TimeSpan.FromTicks(ticks).TotalSeconds, WorkRateMax);
        return _workRate = (_workRate + measured) / 2;
    }
}
