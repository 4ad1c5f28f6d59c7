using System.IO.Compression;

namespace Slipway.BuildKit.Compression;

/// <summary>Decides from moment to moment how hard to compress on one connection, if at all.</summary>
/// <remarks>
/// It pays while the line takes clearly longer for a byte than the slower of the two ends that work on it. On loopback and in a gigabit network
/// it never does; there the whole cost is a look at the clock for every batch, and one question to the kernel ten times a second.
/// </remarks>
internal sealed class LineJudge(Func<LineReading?> line, TimeProvider clock)
{
    /// <summary>The line must be this many times slower than the work: both ends have other things to do.</summary>
    private const double Margin = 3;

    private const int BytesPerReadingMin = 32 * 1024;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    // Bytes per second on one core: what zlib deflates at its quickest level, and an engine's compress/flate inflates in the same time; and at the usual level.
    private readonly WorkRate _quick = new(120_000_000);
    private readonly WorkRate _thorough = new(30_000_000);

    private long _judgedAt = clock.GetTimestamp();
    private LineReading? _last = line();
    private volatile CompressionLevel _level = CompressionLevel.NoCompression;

    /// <summary>What suits the line now; <see cref="CompressionLevel.NoCompression"/> where sending things as they are is as fast.</summary>
    public CompressionLevel Level()
    {
        var judgedAt = Interlocked.Read(ref _judgedAt);
        var now = clock.GetTimestamp();

        // One of the tasks that ask does the work, once in a while.
        if (clock.GetElapsedTime(judgedAt, now) >= Interval && Interlocked.CompareExchange(ref _judgedAt, now, judgedAt) == judgedAt)
        {
            Judge();
        }

        return _level;
    }

    /// <summary>Takes note of what compressing cost.</summary>
    public void Worked(CompressionLevel level, int bytes, TimeSpan time) =>
        (level == CompressionLevel.Optimal ? _thorough : _quick).Add(bytes, time);

    private void Judge()
    {
        if (line() is not { } reading || _last is not { } last)
        {
            _level = CompressionLevel.NoCompression;
            return;
        }

        if (reading.Bytes - last.Bytes >= BytesPerReadingMin)
        {
            _last = reading;
            _level = Suited((reading.Bytes - last.Bytes) / Math.Max((reading.Busy - last.Busy).TotalSeconds, 1e-6));
        }
    }

    private CompressionLevel Suited(double lineRate)
    {
        var (thorough, quick) = (_thorough.Update(), _quick.Update());
        return lineRate * Margin < thorough ? CompressionLevel.Optimal
            : lineRate * Margin < quick ? CompressionLevel.Fastest
            : CompressionLevel.NoCompression;
    }
}
