using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Wire.Control;

namespace Slipway.Builder.Engine;

/// <summary>The engine of one (project, architecture) on its own root folder: started when needed, watched, started again when it
/// dies, stopped, reset. At most one runs on a root at any time.</summary>
internal sealed class BuildKitDaemon(IEngineProgram program, EngineFolder folder, BuilderOptions options, ILogger log) : IAsyncDisposable
{
    internal static readonly TimeSpan HealthInterval = TimeSpan.FromSeconds(5);
    private const int HealthMissesMax = 3;

    /// <summary>Deaths and failed starts in a row after which the cache is taken for the cause.</summary>
    private const int FailuresMax = 3;

    /// <summary>An engine that lived this long was healthy.</summary>
    private static readonly TimeSpan HealthyLife = TimeSpan.FromMinutes(1);

    private readonly TimeProvider _clock = options.Clock;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _halt = new();
    private readonly Lock _lock = new();
    private Task? _starting;
    private Task _watching = Task.CompletedTask;
    private IDisposable? _rootLock;
    private volatile EngineRun? _run;
    private volatile bool _wanted;
    private int _failures;

    public EngineFolder Folder { get; } = folder;

    /// <summary>The project's cache policy; takes effect with the next start.</summary>
    public CacheBudget Budget { get; set; }

    public bool IsRunning => _run is not null;

    /// <summary>What the engine says that it builds for; empty while none runs.</summary>
    public IReadOnlyList<string> Architectures => _run?.Architectures ?? [];

    /// <summary>Fires when the run that serves now dies; a token that never fires while there is none.</summary>
    public CancellationToken Lost => _run?.Lost ?? CancellationToken.None;

    /// <summary>Ends when the engine answers. However many ask, one start is under way.</summary>
    /// <exception cref="EngineException">It cannot be started.</exception>
    public Task StartAsync(CancellationToken cancellation)
    {
        lock (_lock)
        {
            if (_run is not null)
            {
                return Task.CompletedTask;
            }

            _wanted = true;
            if (_starting is null || _starting.IsCompleted)
            {
                // Belongs to the daemon and not to the caller that came first: its leaving must not fail the others.
                _starting = Task.Run(() => StartOnceAsync(_halt.Token), _halt.Token);
            }

            return _starting.WaitAsync(cancellation);
        }
    }

    /// <summary>A raw HTTP/2-with-prior-knowledge stream to the engine, started if need be.</summary>
    public async ValueTask<Stream> ConnectAsync(CancellationToken cancellation)
    {
        try
        {
            await StartAsync(cancellation);
        }
        catch (EngineException e)
        {
            throw new IOException(e.Message, e);
        }

        return await program.ConnectAsync(Folder, cancellation);
    }

    /// <summary>The progress of one solve, over the builder's own connection.</summary>
    public async IAsyncEnumerable<StatusResponse> WatchAsync(string reference, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var run = _run ?? throw new IOException("the build engine is not running");
        var control = await run.ControlAsync(cancellation);
        await foreach (var status in control.StatusAsync(reference, cancellation))
        {
            yield return status;
        }
    }

    /// <summary>Stops the engine and keeps its cache.</summary>
    /// <param name="isUnused">Asked when the stop's turn has come: somebody may need the engine again by then.</param>
    public async Task StopAsync(Func<bool> isUnused, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            if (isUnused())
            {
                _wanted = false;
                await StopRunAsync();
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Stops the engine and deletes its cache.</summary>
    public async Task ResetAsync(CancellationToken cancellation)
    {
        _wanted = false;
        await _turn.WaitAsync(cancellation);
        try
        {
            if (program is BuildkitdAddress)
            {
                await PruneAsync(cancellation);
                return;
            }

            await StopRunAsync();
            using (Folder.Lock())
            {
                await Leftovers.SweepAsync(Folder, log, cancellation);
                await Task.Run(() => Folder.Delete(_clock.GetUtcNow()), cancellation);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _wanted = false;
        await _halt.CancelAsync();
        await _turn.WaitAsync(CancellationToken.None);
        try
        {
            await StopRunAsync();
            await _watching;
        }
        finally
        {
            _turn.Release();
        }

        try
        {
            await (_starting ?? Task.CompletedTask);
        }
        catch (Exception)
        {
            // Whoever asked for it was told.
        }

        _turn.Dispose();
        _halt.Dispose();
    }

    private async Task StartOnceAsync(CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            if (_run is null)
            {
                await StartWithRetriesAsync(cancellation);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task StartWithRetriesAsync(CancellationToken cancellation)
    {
        if (program is not BuildkitdAddress)
        {
            Folder.Create();
            CacheBudget.CheckSpace(Folder.Root);
        }

        while (_failures < FailuresMax)
        {
            try
            {
                await LaunchAsync(cancellation);
                return;
            }
            catch (EngineStartException e)
            {
                _failures++;
                log.LogWarning("engine of project {Project}: start {Attempt} failed: {Error}", Folder.ProjectId, _failures, e.Message);
                if (program is BuildkitdAddress || (_failures >= FailuresMax && !Folder.HasCache))
                {
                    _failures = 0;
                    throw;
                }

                await Task.Delay(TimeSpan.FromMilliseconds(200 * _failures), _clock, cancellation);
            }
        }

        await LaunchWithoutCacheAsync(cancellation);
    }

    /// <summary>A power cut can leave databases that BuildKit or containerd will not open. The cache is set aside, not deleted;
    /// and when an empty one helps no more, it was not the cause and comes back.</summary>
    private async Task LaunchWithoutCacheAsync(CancellationToken cancellation)
    {
        ReleaseRoot();
        var aside = Folder.Quarantine(_clock.GetUtcNow());
        _failures = 0;
        Folder.Create();
        try
        {
            await LaunchAsync(cancellation);
            log.LogWarning("engine of project {Project}: its cache was broken and is set aside in {Folder}; it starts with an empty one", Folder.ProjectId, aside);
        }
        catch (Exception e) when (e is EngineException or OperationCanceledException)
        {
            ReleaseRoot();
            Folder.Restore(aside);
            throw;
        }
    }

    private async Task LaunchAsync(CancellationToken cancellation)
    {
        if (program is not BuildkitdAddress)
        {
            _rootLock ??= Folder.Lock();
            await Leftovers.SweepAsync(Folder, log, cancellation);
        }

        var launch = await program.PrepareAsync(Folder, Budget, cancellation);
        var started = _clock.GetTimestamp();
        var process = launch is null ? null : EngineProcess.Start(launch, Folder, options);
        var run = new EngineRun(process, token => program.ConnectAsync(Folder, token));
        try
        {
            await WaitUntilReadyAsync(run, launch?.StartLimit ?? TimeSpan.FromSeconds(10), cancellation);
        }
        catch
        {
            process?.Kill();
            await run.DisposeAsync();
            throw;
        }

        log.LogInformation("engine of project {Project} on {Architecture} is ready after {Milliseconds} ms",
            Folder.ProjectId, Folder.Architecture, (long)_clock.GetElapsedTime(started).TotalMilliseconds);
        _run = run;
        _watching = WatchAsync(run, _watching);
    }

    private async Task WaitUntilReadyAsync(EngineRun run, TimeSpan limit, CancellationToken cancellation)
    {
        var started = _clock.GetTimestamp();
        while (true)
        {
            if (run.Process is { HasExited: true })
            {
                throw new EngineStartException($"the build engine ({program.Kind}) ended at once: {Folder.LastWords()}");
            }

            if (await AnswersAsync(run, cancellation))
            {
                return;
            }

            if (_clock.GetElapsedTime(started) > limit)
            {
                throw new EngineStartException($"the build engine ({program.Kind}) did not answer within {limit.TotalSeconds:0} s: {Folder.LastWords()}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(25), _clock, cancellation);
        }
    }

    private async Task<bool> AnswersAsync(EngineRun run, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(HealthInterval, _clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        try
        {
            return await run.ProbeAsync(both.Token);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellation.IsCancellationRequested)
        {
            // A probe that fails, in whichever way, is a probe that was not answered.
            log.LogTrace("engine of project {Project} does not answer: {Error}", Folder.ProjectId, e.Message);
            return false;
        }
    }

    /// <summary>Sees to one run until it ends: by itself, because it stopped answering, or because it was stopped.</summary>
    private async Task WatchAsync(EngineRun run, Task before)
    {
        await Task.Yield();
        await before;
        var started = _clock.GetTimestamp();
        var end = await WaitForEndAsync(run);
        // Whoever stops a run takes it out of _run first.
        if (end is null || _run != run)
        {
            return;
        }

        _failures = _clock.GetElapsedTime(started) < HealthyLife ? _failures + 1 : 0;
        if (Interlocked.CompareExchange(ref _run, null, run) != run)
        {
            return;
        }

        log.LogError("engine of project {Project}: {End}; it is started again", Folder.ProjectId, end);
        run.Process?.Kill();
        run.Lose();
        await run.DisposeAsync();
        StartAgain();
    }

    /// <summary>The start is held by <see cref="_starting"/>; a failure is told to whoever needs the engine next.</summary>
    private void StartAgain()
    {
        lock (_lock)
        {
            if (!_wanted || _halt.IsCancellationRequested || _starting is { IsCompleted: false })
            {
                return;
            }

            _starting = Task.Run(async () =>
            {
                try
                {
                    await StartOnceAsync(_halt.Token);
                }
                catch (Exception e) when (e is EngineException or OperationCanceledException)
                {
                    log.LogError("engine of project {Project}: {Error}", Folder.ProjectId, e.Message);
                }
            }, _halt.Token);
        }
    }

    /// <summary>Why the run is over; null when it was taken away.</summary>
    private async Task<string?> WaitForEndAsync(EngineRun run)
    {
        var misses = 0;
        while (_run == run && !_halt.IsCancellationRequested)
        {
            if (await ExitsWithinAsync(run, HealthInterval))
            {
                return run.Process!.Ending(Folder.LastWords());
            }

            KeepLogShort();
            try
            {
                misses = await AnswersAsync(run, _halt.Token) ? 0 : misses + 1;
            }
            catch (OperationCanceledException)
            {
                return null;
            }

            if (misses >= HealthMissesMax)
            {
                return $"it did not answer {HealthMissesMax} times in a row";
            }
        }

        return null;
    }

    private async Task<bool> ExitsWithinAsync(EngineRun run, TimeSpan time)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_halt.Token);
        var pause = Task.Delay(time, _clock, limit.Token);
        var exit = run.Process?.WaitForExitAsync(limit.Token) ?? Task.Delay(Timeout.InfiniteTimeSpan, _clock, limit.Token);
        var first = await Task.WhenAny(exit, pause);
        await limit.CancelAsync();
        return first == exit && exit.IsCompletedSuccessfully;
    }

    private async Task StopRunAsync()
    {
        var run = Interlocked.Exchange(ref _run, null);
        if (run is not null)
        {
            if (run.Process is { } process)
            {
                await process.StopAsync();
            }

            await run.DisposeAsync();
            log.LogInformation("engine of project {Project} on {Architecture} is stopped", Folder.ProjectId, Folder.Architecture);
        }

        if (_rootLock is not null)
        {
            await Leftovers.SweepAsync(Folder, log, CancellationToken.None);
            await program.CleanUpAsync(Folder, CancellationToken.None);
            ReleaseRoot();
        }
    }

    private void ReleaseRoot()
    {
        _rootLock?.Dispose();
        _rootLock = null;
    }

    private async Task PruneAsync(CancellationToken cancellation)
    {
        if (_run is null)
        {
            await StartWithRetriesAsync(cancellation);
        }

        var control = await _run!.ControlAsync(cancellation);
        await using var call = await control.Channel.StartAsync("/moby.buildkit.v1.Control/Prune", metadata: null, cancellation);
        await call.WriteMessageAsync(new PruneRequest { All = true }, cancellation);
        await call.CompleteWritesAsync(cancellation);
        while (await call.ReadMessageAsync(UsageRecord.Parser, cancellation) is not null)
        {
            // One message per removed record; only the end matters.
        }
    }

    /// <summary>The engine appends, so cutting the file under it is safe.</summary>
    private void KeepLogShort()
    {
        const long LogBytesMax = 16 * 1024 * 1024;
        var log = new FileInfo(Folder.Log);
        if (log is { Exists: true, Length: > LogBytesMax })
        {
            using var file = log.Open(FileMode.Truncate, FileAccess.Write, FileShare.ReadWrite);
        }
    }
}
