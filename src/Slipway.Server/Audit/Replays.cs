using System.Collections.Concurrent;
using Slipway.Server.Storage;

namespace Slipway.Server.Audit;

/// <summary>
/// Says aloud that what is good for one use came a second time: it was copied, or a client is broken. It is refused either way; the line in the
/// log and <c>slipway_replays_total</c> are for whoever is to be woken.
/// </summary>
internal sealed class Replays(ServerMetrics metrics, TimeProvider clock, ILogger<Replays> log)
{
    public const string DeviceCode = "device code";
    public const string Invitation = "invitation";
    public const string CiToken = "CI token";
    public const string JoinToken = "join token";

    private const int SpentMax = 50_000;
    private readonly ConcurrentDictionary<string, long> _spent = new(StringComparer.Ordinal);

    /// <summary>For a secret whose row goes with its use: until when its second use would be told from one that never was.</summary>
    public void Spend(string hash, long until)
    {
        if (_spent.Count >= SpentMax)
        {
            foreach (var old in _spent.Where(old => old.Value < clock.Now()))
            {
                _spent.TryRemove(old);
            }
        }

        if (_spent.Count < SpentMax)
        {
            _spent[hash] = until;
        }
    }

    public bool IsSpent(string hash) => _spent.TryGetValue(hash, out var until) && until >= clock.Now();

    /// <param name="kind">One of the constants here: few, for the metric's label.</param>
    /// <param name="from">Who came with it, as far as is known; never the secret.</param>
    public void Tell(string kind, string from)
    {
        metrics.CountReplay(kind);
        ServerLog.Replayed(log, kind, from);
    }
}
