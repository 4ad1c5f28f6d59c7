using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Slipway.Builder.Records;

/// <summary>All spools of this builder: finds those of a killed run, makes new ones durable in batches, keeps them inside the budget.</summary>
internal sealed class SpoolShelf(string folder, TimeProvider clock, ILogger<SpoolShelf> log) : IDisposable
{
    /// <summary>How long a record may wait for the disk: one flush serves everything that came meanwhile.</summary>
    private static readonly TimeSpan FlushInterval = TimeSpan.FromMilliseconds(150);

    /// <summary>No build comes back after this long: its certificate has expired.</summary>
    private static readonly TimeSpan RestingTime = TimeSpan.FromHours(4);

    private readonly ConcurrentDictionary<(string BuildId, string Architecture), Spool> _spools = new();
    private readonly Dictionary<(string BuildId, string Architecture), Resting> _resting = [];
    private readonly Lock _lock = new();
    private bool _failing;
    private readonly SemaphoreSlim _appended = new(0, 1);
    private readonly SemaphoreSlim _durable = new(0, 1);

    /// <summary>What all spools together may take before log lines are dropped.</summary>
    public long BytesMax { get; init; } = 256L * 1024 * 1024;

    public ICollection<Spool> Spools => _spools.Values;

    /// <summary>Takes up the spools that an earlier run left.</summary>
    public void Recover()
    {
        Directory.CreateDirectory(folder);
        foreach (var path in Directory.EnumerateDirectories(folder))
        {
            var name = Path.GetFileName(path);
            var dash = name.LastIndexOf('-');
            if (dash <= 0)
            {
                continue;
            }

            var spool = Spool.Recover(path, name[..dash], name[(dash + 1)..]);
            if (spool.IsDone)
            {
                _resting[(spool.BuildId, spool.Architecture)] = new Resting(spool.LastSequence, new DateTimeOffset(Directory.GetLastWriteTimeUtc(path)));
                continue;
            }

            _spools[(spool.BuildId, spool.Architecture)] = spool;
            log.LogInformation("build {Build}: records of an earlier run are still to be sent, up to {Last}", spool.BuildId, spool.LastSequence);
        }

        Signal(_durable);
    }

    /// <summary>The spool of a build that runs now. Its numbers go on where those of an earlier stay of the same build ended.</summary>
    public Spool Open(string buildId, string architecture)
    {
        lock (_lock)
        {
            if (!_spools.TryGetValue((buildId, architecture), out var spool))
            {
                var after = _resting.Remove((buildId, architecture), out var resting) ? resting.Last : 0;
                spool = _spools[(buildId, architecture)] = Spool.Create(FolderOf(buildId, architecture), buildId, architecture, after);
            }

            spool.Resume();
            return spool;
        }
    }

    public Spool? Find(string buildId, string architecture) => _spools.GetValueOrDefault((buildId, architecture));

    /// <summary>The last number used for a build, whether its spool still holds records or not.</summary>
    public long LastSequenceOf(string buildId, string architecture)
    {
        lock (_lock)
        {
            return Find(buildId, architecture)?.LastSequence ?? _resting.GetValueOrDefault((buildId, architecture))?.Last ?? 0;
        }
    }

    /// <summary>Says that something was appended.</summary>
    public void Appended() => Signal(_appended);

    /// <summary>Ends when there may be something new to send.</summary>
    public Task WaitForDurableAsync(CancellationToken cancellation) => _durable.WaitAsync(cancellation);

    /// <summary>Empties the spool once the server has all of it and nothing more is expected; its last number is kept for a while,
    /// because the build may come back.</summary>
    public void Settle(Spool spool)
    {
        lock (_lock)
        {
            if (spool.IsDone && _spools.TryRemove(new KeyValuePair<(string, string), Spool>((spool.BuildId, spool.Architecture), spool)))
            {
                spool.Rest();
                _resting[(spool.BuildId, spool.Architecture)] = new Resting(spool.LastSequence, clock.GetUtcNow());
                ForgetOld();
            }
        }
    }

    /// <summary>Flushes what was appended, a batch at a time, until cancelled; then once more.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                await _appended.WaitAsync(cancellation);
                FlushAll();
                KeepBudget();
                await Task.Delay(FlushInterval, clock, cancellation);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            FlushAll();
        }
    }

    public void Dispose()
    {
        foreach (var spool in Spools)
        {
            spool.Dispose();
        }

        _appended.Dispose();
        _durable.Dispose();
    }

    internal void FlushAll()
    {
        foreach (var spool in Spools)
        {
            try
            {
                spool.Flush();
            }
            catch (IOException e)
            {
                // A full disk costs records and not builds; the next flush tries again.
                log.Log(_failing ? LogLevel.Debug : LogLevel.Error, "records cannot be written in {Folder}: {Error}", folder, e.Message);
                _failing = true;
                continue;
            }

            _failing = false;
        }

        Signal(_durable);
    }

    internal void KeepBudget()
    {
        while (Spools.Sum(spool => spool.Bytes) > BytesMax)
        {
            // The chattiest build pays first.
            if (!Spools.OrderByDescending(spool => spool.Bytes).Any(spool => spool.DropOldestLines()))
            {
                return;
            }
        }
    }

    private string FolderOf(string buildId, string architecture) => Path.Combine(folder, $"{buildId}-{architecture}");

    private void ForgetOld()
    {
        var horizon = clock.GetUtcNow() - RestingTime;
        foreach (var (key, _) in _resting.Where(entry => entry.Value.Since < horizon).ToArray())
        {
            _resting.Remove(key);
            Directory.Delete(FolderOf(key.BuildId, key.Architecture), recursive: true);
        }
    }

    private static void Signal(SemaphoreSlim signal)
    {
        if (signal.CurrentCount == 0)
        {
            try
            {
                signal.Release();
            }
            catch (SemaphoreFullException)
            {
                // Somebody else signalled at the same moment; one wake-up serves both.
            }
        }
    }

    /// <summary>What is left of a spool that the server has.</summary>
    private sealed record Resting(long Last, DateTimeOffset Since);
}
