namespace Depot.Cli.Rendering;

/// <summary>Lets one refresh through per interval.</summary>
internal sealed class RefreshLimiter(TimeSpan interval, TimeProvider clock)
{
    private long _last;
    private bool _used;

    public bool Allow()
    {
        var now = clock.GetTimestamp();
        if (_used && clock.GetElapsedTime(_last, now) < interval)
        {
            return false;
        }

        (_last, _used) = (now, true);
        return true;
    }
}
