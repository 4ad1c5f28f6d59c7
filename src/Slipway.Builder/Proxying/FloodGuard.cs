using Slipway.BuildKit.Http2;

namespace Slipway.Builder.Proxying;

/// <summary>Counts what a client may do a little of, and ends its connection when it does too much.</summary>
internal sealed class FloodGuard(TimeProvider clock)
{
    private long _since = clock.GetTimestamp();
    private int _settings;
    private int _pings;
    private int _resets;
    private int _empties;

    public void CountSettings() => Count(ref _settings, RelayLimits.SettingsPerIntervalMax, "SETTINGS");

    public void CountPing() => Count(ref _pings, RelayLimits.PingsPerIntervalMax, "PING");

    public void CountReset() => Count(ref _resets, RelayLimits.ResetsPerIntervalMax, "RST_STREAM");

    public void CountEmpty() => Count(ref _empties, RelayLimits.EmptyFramesPerIntervalMax, "empty DATA");

    private void Count(ref int counter, int max, string what)
    {
        if (clock.GetElapsedTime(_since) > RelayLimits.FloodInterval)
        {
            _since = clock.GetTimestamp();
            _settings = _pings = _resets = _empties = 0;
        }

        if (++counter > max)
        {
            throw new Http2Exception(
                Http2ErrorCode.EnhanceYourCalm,
                $"The client sent more than {max} {what} frames in {RelayLimits.FloodInterval.TotalSeconds:0} s.");
        }
    }
}
