using System.Collections.Concurrent;
using Slipway.Server.Storage;

namespace Slipway.Server.Access;

/// <summary>Counts failed attempts by whatever names their maker, and says when there have been too many. Success is never counted.</summary>
internal sealed class AttemptLimit(int attemptsMax, TimeSpan window, TimeProvider clock)
{
    // Addresses are cheap to come by; when this many are known, those whose time is over go, and new ones are not counted until some have.
    private const int NamesMax = 50_000;
    private readonly ConcurrentDictionary<string, (long Since, int Count)> _attempts = new(StringComparer.Ordinal);

    public bool IsExhausted(string name) =>
        _attempts.TryGetValue(name, out var made) && made.Since + window.Milliseconds() > clock.Now() && made.Count >= attemptsMax;

    public void Count(string name)
    {
        var now = clock.Now();
        if (_attempts.Count >= NamesMax && !_attempts.ContainsKey(name) && !Forget(now))
        {
            return;
        }

        _attempts.AddOrUpdate(
            name,
            _ => (now, 1),
            (_, made) => made.Since + window.Milliseconds() > now ? (made.Since, made.Count + 1) : (now, 1));
    }

    private bool Forget(long now)
    {
        foreach (var attempt in _attempts.Where(attempt => attempt.Value.Since + window.Milliseconds() <= now))
        {
            _attempts.TryRemove(attempt);
        }

        return _attempts.Count < NamesMax;
    }
}
