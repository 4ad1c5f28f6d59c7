using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging;
using Slipway.Builder.Access;
using Slipway.BuildKit.Grpc;
using Slipway.Contract.Fleet.V1;

namespace Slipway.Builder.Records;

/// <summary>One build under observation, from its first connection to its end.</summary>
internal sealed class BuildWatch(
    BuildAdmission admission, Lease? lease, SpoolShelf shelf, TimeProvider clock, Action<BuildWatch, BuildEnded> ended, ILogger log)
    : IAsyncDisposable
{
    /// <summary>A client that opens its next connection only after it has closed the last one has this long.</summary>
    public static readonly TimeSpan QuietTime = TimeSpan.FromSeconds(5);

    /// <summary>The engine ends a Status stream by itself after its solve; this is for one that does not.</summary>
    private static readonly TimeSpan StatusTail = TimeSpan.FromSeconds(10);

    /// <summary>A build's log beyond this is not recorded.</summary>
    internal const long LogBytesMax = 1024L * 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly HashSet<string> _running = new(StringComparer.Ordinal);
    private readonly List<Task> _statuses = [];
    private readonly List<CancellationToken> _engines = [];
    private ITimer? _quiet;
    private Task? _ending;
    private Spool? _spool;
    private long _logBytes;
    private int _connections;
    private bool _everConnected;
    private bool _lossTold;
    private int _succeeded;
    private int _leftRunning;
    private string? _error;
    private string? _lost;

    public BuildAdmission Admission { get; } = admission;

    /// <returns>True for the build's first connection.</returns>
    public bool ConnectionOpened()
    {
        lock (_lock)
        {
            _connections++;
            _quiet?.Dispose();
            _quiet = null;
            if (lease is not null)
            {
                _engines.Add(lease.EngineLost());
            }

            return !Interlocked.Exchange(ref _everConnected, true);
        }
    }

    public void ConnectionClosed()
    {
        lock (_lock)
        {
            if (--_connections == 0 && _ending is null)
            {
                _quiet?.Dispose();
                _quiet = clock.CreateTimer(_ => EndWhenQuiet(), null, QuietTime, Timeout.InfiniteTimeSpan);
            }
        }
    }

    public void SolveStarted(string reference)
    {
        lock (_lock)
        {
            if (_ending is null && _running.Add(reference) && lease is not null)
            {
                _statuses.RemoveAll(status => status.IsCompleted);
                _statuses.Add(FollowAsync(lease, reference));
            }
        }
    }

    public void SolveEnded(string reference, GrpcStatusCode code, string message)
    {
        lock (_lock)
        {
            if (!_running.Remove(reference))
            {
                return;
            }

            switch (code)
            {
                case GrpcStatusCode.Ok:
                    _succeeded++;
                    break;
                case GrpcStatusCode.Cancelled:
                    _leftRunning++;
                    break;
                default:
                    _error ??= message.Length > 0 ? message : code.ToString();
                    break;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        Task ending;
        lock (_lock)
        {
            _lost = "the builder was stopped while the build was running; run the build again";
            _quiet?.Dispose();
            ending = _ending ??= EndAsync();
        }

        await _stop.CancelAsync();
        await ending;
        _stop.Dispose();
    }

    private void EndWhenQuiet()
    {
        lock (_lock)
        {
            if (_connections == 0)
            {
                _ending ??= EndAsync();
            }
        }
    }

    private async Task EndAsync()
    {
        // Leaves the lock of the caller.
        await Task.Yield();
        Task[] statuses;
        lock (_lock)
        {
            statuses = [.. _statuses];
        }

        try
        {
            await Task.WhenAll(statuses).WaitAsync(StatusTail, clock, _stop.Token);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            await _stop.CancelAsync();
            await Task.WhenAll(statuses);
        }

        ended(this, Summarize(FinishSpool()));
    }

    private long FinishSpool()
    {
        try
        {
            return _spool?.Finish() ?? shelf.LastSequenceOf(Admission.BuildId, Admission.Architecture);
        }
        catch (IOException e)
        {
            log.LogError("build {Build}: its last records cannot be written: {Error}", Admission.BuildId, e.Message);
            return _spool!.DurableSequence;
        }
        finally
        {
            shelf.Appended();
        }
    }

    private BuildEnded Summarize(long lastSequence)
    {
        lock (_lock)
        {
            var clean = _succeeded > 0 && _error is null && _leftRunning + _running.Count == 0;
            var (outcome, error) = this switch
            {
                _ when clean => (BuildEnded.Types.Outcome.Success, ""),
                { _lost: { } lost } => (BuildEnded.Types.Outcome.EngineLost, lost),
                _ when _engines.Exists(engine => engine.IsCancellationRequested) =>
                    (BuildEnded.Types.Outcome.EngineLost, "the build engine died while the build was running and was restarted; run the build again"),
                { _error: { } failure } => (BuildEnded.Types.Outcome.Error, failure),
                _ when _leftRunning + _running.Count > 0 => (BuildEnded.Types.Outcome.ClientLeft, "the client disconnected before its build was done"),
                _ => (BuildEnded.Types.Outcome.NothingBuilt, ""),
            };
            return new BuildEnded
            {
                BuildId = Admission.BuildId,
                LeaseId = Admission.LeaseId,
                Outcome = outcome,
                Error = error,
                EndedAt = Timestamp.FromDateTimeOffset(clock.GetUtcNow()),
                LastSequence = lastSequence,
            };
        }
    }

    /// <summary>Records one solve. Never throws: a lost Status stream must not fail a build, it only costs records.</summary>
    private async Task FollowAsync(Lease from, string reference)
    {
        var seen = false;
        var fold = new StatusFold(Add);
        for (var attempt = 0; attempt < 3 && !seen && !_stop.IsCancellationRequested; attempt++)
        {
            try
            {
                await foreach (var status in from.Watch(reference, _stop.Token))
                {
                    seen = true;
                    fold.Add(status);
                }

                break;
            }
            catch (Exception e) when (e is GrpcStatusException or IOException or OperationCanceledException)
            {
                // A stream that broke off is not asked for again: the engine would tell everything from the start.
                log.LogDebug("build {Build}: the status of {Reference} ended: {Error}", Admission.BuildId, reference, e.Message);
                await Task.Yield();
            }
        }

        fold.Complete();
    }

    private void Add(Record record)
    {
        try
        {
            var spool = _spool ??= shelf.Open(Admission.BuildId, Admission.Architecture);
            if (Limit(record))
            {
                spool.Append(record);
                shelf.Appended();
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or UnauthorizedAccessException)
        {
            log.Log(_lossTold ? LogLevel.Debug : LogLevel.Warning, "build {Build}: records are lost: {Error}", Admission.BuildId, e.Message);
            _lossTold = true;
        }
    }

    /// <summary>Puts a marker in the place of the first log line over the limit and drops the rest; steps and warnings always pass.</summary>
    private bool Limit(Record record)
    {
        if (record.RecordCase != Record.RecordOneofCase.Log)
        {
            return true;
        }

        var before = Interlocked.Add(ref _logBytes, record.Log.Line.Length + 1) - record.Log.Line.Length - 1;
        if (before >= LogBytesMax)
        {
            return false;
        }

        if (before + record.Log.Line.Length + 1 >= LogBytesMax)
        {
            record.Log.Line = ByteString.CopyFromUtf8("[slipway] the build's log is over 1 GiB and is not recorded any further");
        }

        return true;
    }
}
