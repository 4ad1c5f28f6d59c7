using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Wire.Control;

namespace Depot.Cli.Rendering;

/// <summary>A renderer that shows the state of the build at most ten times a second.</summary>
internal abstract class RefreshingProgress : IProgressRenderer
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    /// <summary>A refresh comes this long after the last message, so that the last state of a quiet build is shown.</summary>
    private static readonly TimeSpan s_idle = TimeSpan.FromMilliseconds(150);

    private readonly Lock _gate = new();
    private readonly ITimer _timer;
    private readonly TimeSpan _idle;
    private readonly RefreshLimiter _limiter;
    private bool _completed;

    protected RefreshingProgress(Terminal terminal, TimeProvider clock)
    {
        Terminal = terminal;
        Clock = clock;
        Log = new BuildLog(clock);
        TimeSpan? rate = terminal.Options.DisplayRateMilliseconds is > 0 and var milliseconds ? TimeSpan.FromMilliseconds(milliseconds) : null;
        _idle = rate ?? s_idle;
        _limiter = new RefreshLimiter(rate ?? s_interval, clock);

        // The first message starts it: before that a derived renderer may not be ready.
        _timer = clock.CreateTimer(_ => OnTimer(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    protected Terminal Terminal { get; }

    protected TimeProvider Clock { get; }

    protected BuildLog Log { get; }

    protected OutputBuffer Output { get; } = new();

    public void Write(StatusResponse status)
    {
        lock (_gate)
        {
            if (_completed)
            {
                return;
            }

            Log.Add(status);
            OnAdded(status);
            if (_limiter.Allow())
            {
                Refresh(last: false);
                Flush();
            }

            _timer.Change(_idle, _idle);
        }
    }

    public async ValueTask CompleteAsync()
    {
        await _timer.DisposeAsync();
        lock (_gate)
        {
            if (_completed)
            {
                return;
            }

            _completed = true;
            Refresh(last: true);
            WriteFailedSteps();
            WarningText.Write(Output, Log.Warnings, Terminal);
            Flush();
        }
    }

    public ValueTask DisposeAsync() => CompleteAsync();

    /// <summary>Sees each message after the log has taken it.</summary>
    protected virtual void OnAdded(StatusResponse status)
    {
    }

    /// <summary>Puts what changed into <see cref="Output"/>.</summary>
    protected abstract void Refresh(bool last);

    /// <summary>Puts the kept output of a failed step into <see cref="Output"/>.</summary>
    protected abstract void WriteKeptLines(BuildVertex vertex);

    private void OnTimer()
    {
        lock (_gate)
        {
            if (!_completed)
            {
                Refresh(last: false);
                Flush();
            }
        }
    }

    private void WriteFailedSteps()
    {
        foreach (var vertex in Log.Started)
        {
            if (vertex.Error.Length > 0 && !vertex.IsCanceled)
            {
                Output.WriteLine("------").WriteLine($" > {vertex.Name}:");
                WriteKeptLines(vertex);
                Output.WriteLine("------");
            }
        }
    }

    private void Flush() => Output.FlushTo(Terminal.Err);
}
