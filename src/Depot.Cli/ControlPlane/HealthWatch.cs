using Slipway.Contract.Depot.Cli.V1;

namespace Depot.Cli.ControlPlane;

/// <summary>Tells the server every few seconds that the build goes on, and hears from it when it must not.</summary>
internal sealed class HealthWatch : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _canceled = new();
    private readonly BuildApi _api;
    private readonly BuildRecord _record;
    private readonly BuilderPlatform _platform;
    private readonly TimeProvider _clock;
    private readonly Task _loop;

    public HealthWatch(BuildApi api, BuildRecord record, BuilderPlatform platform, TimeProvider clock)
    {
        (_api, _record, _platform, _clock) = (api, record, platform, clock);
        _loop = RunAsync();
    }

    /// <summary>Fires when the server has cancelled the build.</summary>
    public CancellationToken CanceledByServer => _canceled.Token;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
        _canceled.Dispose();
    }

    private async Task RunAsync()
    {
        var request = new ReportBuildHealthRequest { BuildId = _record.Id, Platform = _platform, WatchesBuilder = true };
        try
        {
            while (true)
            {
                await ReportAsync(request);
                await Task.Delay(Interval, _clock, _stop.Token);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The build is over.
        }
    }

    private async Task ReportAsync(ReportBuildHealthRequest request)
    {
        try
        {
            var answer = await _api.ReportHealthAsync(request, _record.Token, _stop.Token);
            if (answer.CancelsAt is { } time && time.ToDateTimeOffset() <= _clock.GetUtcNow())
            {
                await _canceled.CancelAsync();
            }
        }
        catch (ApiException)
        {
            // A server that restarts does not end the builds that run; it will hear the next report.
        }
    }
}
