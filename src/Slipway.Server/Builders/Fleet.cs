using Slipway.Contract.Fleet.V1;
using Slipway.Server.Leasing;

namespace Slipway.Server.Builders;

/// <summary>The connected builders and what runs on them, in memory; the database has what outlives a connection.</summary>
internal sealed class Fleet(TimeProvider clock)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, AttachedBuilder> _attached = new(StringComparer.Ordinal);
    private readonly Dictionary<(string BuilderId, string ProjectId), TaskCompletionSource<string>> _resets = [];
    private readonly Dictionary<string, long> _lostAt = new(StringComparer.Ordinal);
    private TaskCompletionSource _changed = NewSignal();

    /// <summary>When this server began to listen: no builder counts as lost before it had time to come back.</summary>
    public long StartedAt { get; } = clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Ends when builders or leases have changed since the property was read.</summary>
    public Task Changed
    {
        get
        {
            lock (_gate)
            {
                return _changed.Task;
            }
        }
    }

    /// <summary>Whether builders can attach here: not in a tool that opens the data folder beside a server.</summary>
    public bool IsServing { get; init; } = true;

    public IReadOnlyList<AttachedBuilder> Attached
    {
        get
        {
            lock (_gate)
            {
                return [.. _attached.Values];
            }
        }
    }

    /// <summary>Puts a builder in place of an older connection of the same builder.</summary>
    public void Attach(AttachedBuilder builder, IEnumerable<Lease> adopted)
    {
        lock (_gate)
        {
            if (_attached.Remove(builder.Id, out var older))
            {
                DropLeases(older);
                older.Disconnect();
            }

            foreach (var lease in adopted)
            {
                builder.Leases[lease.Id] = lease;
            }

            _attached[builder.Id] = builder;
            _lostAt.Remove(builder.Id);
            Signal();
        }
    }

    public void Detach(AttachedBuilder builder)
    {
        lock (_gate)
        {
            if (!_attached.TryGetValue(builder.Id, out var current) || !ReferenceEquals(current, builder))
            {
                return;
            }

            _attached.Remove(builder.Id);
            _lostAt[builder.Id] = clock.GetUtcNow().ToUnixTimeMilliseconds();
            DropLeases(builder);
            Signal();
        }
    }

    public AttachedBuilder? Find(string builderId)
    {
        lock (_gate)
        {
            return _attached.GetValueOrDefault(builderId);
        }
    }

    /// <summary>Whether a project's engine runs on a builder; null while the builder is away.</summary>
    public bool? HasEngine(string builderId, string projectId, string architecture)
    {
        lock (_gate)
        {
            return _attached.TryGetValue(builderId, out var builder)
                ? builder.Leases.Values.Any(lease => lease.Ready.IsCompletedSuccessfully && Serves(lease, projectId, architecture)) : null;
        }
    }

    /// <summary>Since when the builder is away; null while it is attached.</summary>
    public long? LostSince(string builderId)
    {
        lock (_gate)
        {
            return _attached.ContainsKey(builderId) ? null : _lostAt.GetValueOrDefault(builderId, StartedAt);
        }
    }

    /// <summary>Since when an attached builder lacks a build that it had been given; null when it does not.</summary>
    public long? MissingSince(string builderId, string buildId)
    {
        lock (_gate)
        {
            return _attached.TryGetValue(builderId, out var builder) && builder.Missing.Contains(buildId) ? builder.AttachedAt : null;
        }
    }

    public bool Send(string builderId, ServerMessage message)
    {
        var builder = Find(builderId);
        builder?.Send(message);
        return builder is not null;
    }

    /// <summary>Finds the lease to use, or reserves a new one on the best builder; null when no connected builder can serve.</summary>
    /// <param name="reserved">True when the caller must start the engine: everybody else waits for that one start.</param>
    /// <param name="emulated">Whether a builder of another architecture will do where there is none of this one.</param>
    public Lease? FindOrReserve(string projectId, string architecture, bool emulated, out bool reserved)
    {
        lock (_gate)
        {
            reserved = false;
            if (Placement.Choose(_attached.Values, projectId, architecture, emulated) is not { } site)
            {
                return null;
            }

            var chosen = site.Builder;
            var lease = chosen.Leases.Values.FirstOrDefault(l => Serves(l, projectId, site.Architecture));
            if (lease is not null)
            {
                return lease;
            }

            reserved = true;
            lease = Placement.NewLease(chosen.Id, projectId, site.Architecture, clock);
            chosen.Leases[lease.Id] = lease;
            return lease;
        }
    }

    public Lease? FindLease(AttachedBuilder builder, string leaseId)
    {
        lock (_gate)
        {
            return builder.Leases.GetValueOrDefault(leaseId);
        }
    }

    public void MarkReady(AttachedBuilder builder, Lease lease)
    {
        lock (_gate)
        {
            builder.Caches.Add((lease.ProjectId, lease.Architecture));
            lease.SetReady();
            Signal();
        }
    }

    /// <summary>Takes a lease out; with an error, those who wait for it fail, without one they look for another.</summary>
    public void EndLease(Lease lease, string? error)
    {
        lock (_gate)
        {
            if (_attached.TryGetValue(lease.BuilderId, out var builder))
            {
                builder.Leases.Remove(lease.Id);
            }

            if (error is null)
            {
                lease.End();
            }
            else
            {
                lease.Fail(error);
            }

            Signal();
        }
    }

    public void SetDraining(string builderId, bool draining)
    {
        lock (_gate)
        {
            if (!_attached.TryGetValue(builderId, out var builder) || builder.Draining == draining)
            {
                return;
            }

            builder.Draining = draining;
            builder.Send(new ServerMessage { Drain = new Drain { Draining = draining } });
            Signal();
        }
    }

    /// <summary>Takes over a change of the database's flag; a drain that was asked for in this process stays.</summary>
    public void FollowDraining(string builderId, bool stored)
    {
        lock (_gate)
        {
            if (!_attached.TryGetValue(builderId, out var builder) || builder.StoredDraining == stored)
            {
                return;
            }

            builder.StoredDraining = stored;
        }

        SetDraining(builderId, stored);
    }

    public void ForgetCaches(AttachedBuilder builder, string projectId)
    {
        lock (_gate)
        {
            builder.Caches.RemoveWhere(cache => cache.ProjectId == projectId);
        }
    }

    /// <summary>Asks an attached builder to throw a project's cache away; answers its error, empty when it worked; null when it is away.</summary>
    public Task<string>? ResetCache(string builderId, string projectId)
    {
        lock (_gate)
        {
            if (!_attached.TryGetValue(builderId, out var builder))
            {
                return null;
            }

            if (!_resets.TryGetValue((builderId, projectId), out var answer))
            {
                answer = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
                _resets[(builderId, projectId)] = answer;
            }

            builder.Send(new ServerMessage { ResetCache = new ResetCache { ProjectId = projectId } });
            return answer.Task;
        }
    }

    public void AnswerCacheReset(string builderId, string projectId, string error)
    {
        lock (_gate)
        {
            if (_resets.Remove((builderId, projectId), out var answer))
            {
                answer.TrySetResult(error);
            }
        }
    }

    public void Found(AttachedBuilder builder, string buildId)
    {
        lock (_gate)
        {
            builder.Missing.Remove(buildId);
        }
    }

    /// <summary>Engines that were asked to start before <paramref name="startedBefore"/> and have not answered.</summary>
    public IReadOnlyList<Lease> OverdueStarts(long startedBefore)
    {
        lock (_gate)
        {
            return
            [
                .. _attached.Values.SelectMany(builder => builder.Leases.Values)
                    .Where(lease => lease.IsStarting && lease.StartedAt < startedBefore),
            ];
        }
    }

    internal static bool Serves(Lease lease, string projectId, string architecture) =>
        lease.ProjectId == projectId && lease.Architecture == architecture && !lease.Gone.IsCompleted;

    private static void DropLeases(AttachedBuilder builder)
    {
        foreach (var lease in builder.Leases.Values)
        {
            lease.End();
        }

        builder.Leases.Clear();
    }

    private void Signal()
    {
        _changed.TrySetResult();
        _changed = NewSignal();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
