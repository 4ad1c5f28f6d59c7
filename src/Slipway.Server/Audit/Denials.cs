using Slipway.Server.Access;
using Slipway.Server.Storage;
using Slipway.Server.Trust;

namespace Slipway.Server.Audit;

/// <summary>Refusals on their way into the audit log. A call does not wait for them, and a flood of equal ones becomes one record with a count.</summary>
internal sealed class Denials(AuditStore store, ServerMetrics metrics, TimeProvider clock) : IDisposable
{
    // Different ones between two flushes; whoever makes more is counted as one.
    private const int KindsMax = 2000;
    private readonly Lock _lock = new();

    // Whoever flushes before reading must also see what another flush has taken and not yet stored.
    private readonly SemaphoreSlim _flushing = new(1, 1);
    private Dictionary<Key, Seen> _waiting = [];

    /// <param name="concerned">A CI job's relationship, whose owners may read of the refusal.</param>
    public void Add(Caller caller, string action, string detail, TrustPolicy? concerned = null)
    {
        metrics.CountDenial();
        var key = new Key(caller.Name, caller.Id, caller.Address, action, detail, concerned?.OrganizationId ?? caller.OrganizationId ?? "", concerned?.ProjectId ?? caller.ProjectId ?? "");
        lock (_lock)
        {
            if (!_waiting.ContainsKey(key) && _waiting.Count >= KindsMax)
            {
                key = new Key("many", "", "", action, "more refusals than could be told apart", "", "");
            }

            var seen = _waiting.GetValueOrDefault(key) ?? new Seen(clock.Now());
            _waiting[key] = seen with { Count = seen.Count + 1 };
        }
    }

    /// <summary>Writes what has gathered; the server does so every second.</summary>
    public async Task FlushAsync(CancellationToken cancellation)
    {
        await _flushing.WaitAsync(cancellation);
        try
        {
            await StoreAsync(cancellation);
        }
        finally
        {
            _flushing.Release();
        }
    }

    public void Dispose() => _flushing.Dispose();

    private async Task StoreAsync(CancellationToken cancellation)
    {
        Dictionary<Key, Seen> taken;
        lock (_lock)
        {
            if (_waiting.Count == 0)
            {
                return;
            }

            (taken, _waiting) = (_waiting, []);
        }

        try
        {
            await store.AppendAsync([.. taken.Select(pair => Entry(pair.Key, pair.Value))], cancellation);
        }
        catch
        {
            PutBack(taken);
            throw;
        }
    }

    // A full disk takes no records; the next flush tries these again.
    private void PutBack(Dictionary<Key, Seen> taken)
    {
        lock (_lock)
        {
            foreach (var (key, seen) in taken)
            {
                _waiting[key] = _waiting.TryGetValue(key, out var later) ? seen with { Count = seen.Count + later.Count } : seen;
            }
        }
    }

    private static AuditEntry Entry(Key key, Seen seen) => new()
    {
        At = seen.At,
        Actor = key.Actor,
        ActorId = key.ActorId,
        Address = key.Address,
        Action = key.Action,
        Outcome = AuditEntry.Refused,
        OrganizationId = key.OrganizationId,
        ProjectId = key.ProjectId,
        Detail = seen.Count == 1 ? key.Detail : $"{key.Detail} ({seen.Count} times)",
    };

    private sealed record Key(
        string Actor, string ActorId, string Address, string Action, string Detail, string OrganizationId, string ProjectId);

    private sealed record Seen(long At, int Count = 0);
}
