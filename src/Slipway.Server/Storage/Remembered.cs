using System.Collections.Concurrent;

namespace Slipway.Server.Storage;

/// <summary>What the database says about somebody's rights, kept for the next call that asks the same.</summary>
/// <remarks>
/// This process's own changes count at once (<see cref="Database.WriteRightsAsync{T}"/>); one that "slipway admin --data" made beside it counts
/// after <see cref="KeptFor"/>, which is well within the five seconds that a revoked token may live on. What is not there is not remembered.
/// </remarks>
internal sealed class Remembered<T>(Database database, TimeProvider clock)
    where T : class
{
    private const long KeptFor = 2000;

    // A stay of its own for each token of a very large company; beyond that everything is read anew.
    private const int CountMax = 50_000;
    private readonly ConcurrentDictionary<string, Known> _known = new(StringComparer.Ordinal);

    public T? Find(string key, Func<string, T?> read)
    {
        var now = clock.Now();

        // Before the reading: a change that commits meanwhile makes what is read here old.
        var version = database.RightsVersion;
        if (_known.TryGetValue(key, out var known) && known.Version == version && now - known.ReadAt is >= 0 and < KeptFor)
        {
            return known.Value;
        }

        var value = read(key);
        if (value is not null)
        {
            Keep(key, new Known(value, version, now));
        }

        return value;
    }

    private void Keep(string key, Known known)
    {
        if (_known.Count >= CountMax)
        {
            _known.Clear();
        }

        _known[key] = known;
    }

    private sealed record Known(T Value, long Version, long ReadAt);
}
