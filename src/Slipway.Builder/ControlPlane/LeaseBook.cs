using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Slipway.Builder.Access;
using Slipway.Builder.Engine;
using Slipway.Builder.Records;
using Slipway.Contract.Fleet.V1;

namespace Slipway.Builder.ControlPlane;

/// <summary>Does what the server asks of this builder: engines, certificates, builds to let in. Outlives every connection to the server.</summary>
/// <remarks>Answers go to <see cref="Post"/> and are lost when no connection is up; <see cref="Replay"/> says everything that still
/// matters again after each attach, so losing them is harmless.</remarks>
internal sealed class LeaseBook(
    BuilderOptions options, EngineFacts facts, EngineHouse engines, LeaseGate gate, BuildWitness witness, BuildJournal journal, ILogger<LeaseBook> log)
    : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, LeaseEntry> _leases = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _untoldFailures = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Task, byte> _work = new();
    private readonly CancellationTokenSource _halt = new();
    private volatile bool _stopping;

    /// <summary>Where answers go. False: nobody listens.</summary>
    public Func<BuilderMessage, bool> Post { get; set; } = _ => false;

    public IEnumerable<RunningEngine> Engines => _leases.Values.Select(entry => new RunningEngine
    {
        LeaseId = entry.Lease.LeaseId,
        ProjectId = entry.Lease.ProjectId,
        Architecture = entry.Lease.Architecture,
    });

    /// <summary>True when the server knows how every build ended.</summary>
    public bool AllTold => !journal.Ended.Any();

    /// <summary>From now on no engine is started for the server.</summary>
    public void Drain() => _stopping = true;

    public void Handle(ServerMessage message)
    {
        switch (message.MessageCase)
        {
            case ServerMessage.MessageOneofCase.StartEngine:
                Start(message.StartEngine);
                break;
            case ServerMessage.MessageOneofCase.Certificate:
                Certify(message.Certificate);
                break;
            case ServerMessage.MessageOneofCase.AdmitBuild:
                Admit(message.AdmitBuild);
                break;
            case ServerMessage.MessageOneofCase.RevokeBuild:
                // A server says so after every attachment of whatever this builder has not told the end of.
                log.Log(
                    gate.Revoke(message.RevokeBuild.BuildId) ? LogLevel.Information : LogLevel.Debug,
                    "build {Build}: turned away: {Reason}", message.RevokeBuild.BuildId, message.RevokeBuild.Reason);
                break;
            case ServerMessage.MessageOneofCase.StopEngine:
                Stop(message.StopEngine.LeaseId);
                break;
            case ServerMessage.MessageOneofCase.ResetCache:
                Run(() => ResetAsync(message.ResetCache.ProjectId));
                break;
            case ServerMessage.MessageOneofCase.BuildEndedAck:
                journal.Forget(message.BuildEndedAck.BuildId, message.BuildEndedAck.LeaseId);
                break;
            case ServerMessage.MessageOneofCase.Drain:
                // The server places nothing here any more; what runs goes on.
                log.LogInformation("the server {Verb} new work on this builder", message.Drain.Draining ? "wants no" : "allows");
                break;
        }
    }

    /// <summary>Says again what a server that has just been attached to may not know.</summary>
    public void Replay()
    {
        foreach (var entry in _leases.Values)
        {
            entry.PostCertificateRequest(Post);
            PostIfReady(entry);
        }

        foreach (var (leaseId, error) in _untoldFailures)
        {
            if (Post(new BuilderMessage { EngineFailed = new EngineFailed { LeaseId = leaseId, Error = error } }))
            {
                _untoldFailures.TryRemove(leaseId, out _);
            }
        }

        foreach (var build in witness.Running)
        {
            Post(new BuilderMessage { BuildConnected = new BuildConnected { BuildId = build.BuildId, LeaseId = build.LeaseId } });
        }

        foreach (var ended in journal.Ended)
        {
            Post(new BuilderMessage { BuildEnded = ended });
        }
    }

    /// <summary>Stops engines that no build has used for a while, until cancelled.</summary>
    public async Task StopIdleAsync(CancellationToken cancellation)
    {
        if (options.EngineIdle == TimeSpan.Zero)
        {
            // Whoever runs this takes its end for that of the builder.
            await Task.Delay(Timeout.InfiniteTimeSpan, options.Clock, cancellation);
        }

        var interval = TimeSpan.FromTicks(Math.Clamp(options.EngineIdle.Ticks / 4, TimeSpan.FromMilliseconds(100).Ticks, TimeSpan.FromMinutes(1).Ticks));
        using var timer = new PeriodicTimer(interval, options.Clock);
        while (await timer.WaitForNextTickAsync(cancellation))
        {
            foreach (var entry in _leases.Values)
            {
                if (gate.Builds.Any(build => build.LeaseId == entry.Lease.LeaseId))
                {
                    entry.LastUsed = options.Clock.GetTimestamp();
                }
                else if (entry.IsReady && options.Clock.GetElapsedTime(entry.LastUsed) >= options.EngineIdle)
                {
                    Stop(entry.Lease.LeaseId);
                }
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _halt.CancelAsync();
        await Task.WhenAll(_work.Keys);
        foreach (var entry in _leases.Values)
        {
            entry.Dispose();
        }

        _halt.Dispose();
    }

    private void Start(StartEngine request)
    {
        if (_leases.TryGetValue(request.LeaseId, out var known))
        {
            known.PostCertificateRequest(Post);
            PostIfReady(known);
            return;
        }

        if (Refuse(request) is { } refusal)
        {
            Fail(request.LeaseId, refusal);
            return;
        }

        var daemon = engines.Get(request.ProjectId, request.Architecture);
        daemon.Budget = new CacheBudget(request.CacheKeepBytes, request.CacheKeepDays);
        var entry = new LeaseEntry(daemon, options.Clock, new Lease
        {
            LeaseId = request.LeaseId,
            ServerName = request.ServerName,
            ProjectId = request.ProjectId,
            Architecture = request.Architecture,
            Dial = daemon.ConnectAsync,
            Watch = daemon.WatchAsync,
            EngineLost = () => daemon.Lost,
        });
        _leases[request.LeaseId] = entry;
        gate.AddLease(entry.Lease);
        entry.RequestCertificate(Post);
        Run(() => StartAsync(entry));
    }

    private string? Refuse(StartEngine request)
    {
        if (_stopping)
        {
            return "the builder is being stopped; run the build again";
        }

        if (!FleetIds.AreSafe(request.LeaseId, request.ProjectId, request.Architecture) || Uri.CheckHostName(request.ServerName) != UriHostNameType.Dns)
        {
            return "the server asked for an engine by a name that this builder cannot use";
        }

        return facts.Architectures.Contains(request.Architecture)
            ? null
            : $"this builder builds for {string.Join(", ", facts.Architectures)}, not for {request.Architecture}";
    }

    private async Task StartAsync(LeaseEntry entry)
    {
        try
        {
            await entry.Daemon.StartAsync(_halt.Token);
            entry.IsReady = true;
            PostIfReady(entry);
        }
        catch (Exception e) when (e is EngineException or IOException)
        {
            log.LogError("engine of project {Project} cannot be started: {Error}", entry.Lease.ProjectId, e.Message);
            Forget(entry.Lease.LeaseId);
            Fail(entry.Lease.LeaseId, e.Message);
        }
    }

    private void Fail(string leaseId, string error)
    {
        if (!Post(new BuilderMessage { EngineFailed = new EngineFailed { LeaseId = leaseId, Error = error } }))
        {
            _untoldFailures[leaseId] = error;
        }
    }

    private void Certify(Certificate certificate)
    {
        if (!_leases.TryGetValue(certificate.LeaseId, out var entry))
        {
            return;
        }

        try
        {
            entry.Complete(certificate.Chain, () => entry.RequestCertificate(Post));
            PostIfReady(entry);
        }
        catch (CryptographicException e)
        {
            log.LogError("lease {Lease}: the server's certificate cannot be used: {Error}", certificate.LeaseId, e.Message);
        }
    }

    /// <summary>Ready means that a client may dial: the engine answers and the name can be proven.</summary>
    private void PostIfReady(LeaseEntry entry)
    {
        if (entry.IsReady && entry.Lease.Certificate is not null)
        {
            Post(new BuilderMessage
            {
                EngineReady = new EngineReady { LeaseId = entry.Lease.LeaseId, Architectures = { entry.Daemon.Architectures } },
            });
        }
    }

    private void Admit(AdmitBuild request)
    {
        if (journal.Find(request.BuildId, request.LeaseId) is { } ended)
        {
            Post(new BuilderMessage { BuildEnded = ended });
            return;
        }

        var admission = FleetIds.AreSafe(request.BuildId)
            ? gate.LetIn(request.BuildId, request.LeaseId, request.ExpiresAt?.ToDateTimeOffset() ?? DateTimeOffset.MaxValue)
            : null;
        Post(admission is null
            ? new BuilderMessage { EngineStopped = new EngineStopped { LeaseId = request.LeaseId } }
            : new BuilderMessage { BuildAdmitted = new BuildAdmitted { BuildId = request.BuildId, LeaseId = request.LeaseId } });
    }

    private void Stop(string leaseId)
    {
        if (Forget(leaseId) is { } entry)
        {
            Run(async () =>
            {
                await entry.Daemon.StopAsync(() => _leases.Values.All(other => other.Daemon != entry.Daemon), _halt.Token);
                Post(new BuilderMessage { EngineStopped = new EngineStopped { LeaseId = leaseId } });
            });
        }
        else
        {
            Post(new BuilderMessage { EngineStopped = new EngineStopped { LeaseId = leaseId } });
        }
    }

    private LeaseEntry? Forget(string leaseId)
    {
        gate.RemoveLease(leaseId);
        if (_leases.TryRemove(leaseId, out var entry))
        {
            entry.Dispose();
        }

        return entry;
    }

    private async Task ResetAsync(string projectId)
    {
        var error = "";
        try
        {
            if (!FleetIds.AreSafe(projectId))
            {
                throw new EngineException("the project's id cannot be used here");
            }

            await engines.ResetAsync(projectId, _halt.Token);
            log.LogInformation("cache of project {Project} is reset", projectId);
        }
        catch (Exception e) when (e is EngineException or IOException or UnauthorizedAccessException)
        {
            log.LogError("cache of project {Project} cannot be reset: {Error}", projectId, e.Message);
            error = e.Message;
        }

        Post(new BuilderMessage { CacheReset = new CacheReset { ProjectId = projectId, Error = error } });
    }

    /// <summary>Work that the message loop does not wait for; awaited when the book is closed.</summary>
    private void Run(Func<Task> work)
    {
        var task = Task.Run(async () =>
        {
            try
            {
                await work();
            }
            catch (OperationCanceledException) when (_halt.IsCancellationRequested)
            {
                // The builder is going.
            }
            catch (Exception e)
            {
                log.LogError(e, "a request of the server failed");
            }
        });
        _work[task] = 0;
        _ = task.ContinueWith(done => _work.TryRemove(done, out _), TaskScheduler.Default);
    }
}
