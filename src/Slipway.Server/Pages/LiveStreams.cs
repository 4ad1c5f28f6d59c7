using System.Collections.Concurrent;

namespace Slipway.Server.Pages;

/// <summary>How many pages may stay open at once: each holds a connection, and asks the database every second.</summary>
internal sealed class LiveStreams
{
    private const int PerSessionMax = 4;
    private const int Max = 200;
    private readonly ConcurrentDictionary<string, int> _bySession = new(StringComparer.Ordinal);
    private int _all;

    /// <summary>Null: there are enough. Disposing makes room again.</summary>
    public IDisposable? TryEnter(string session)
    {
        if (Interlocked.Increment(ref _all) > Max)
        {
            Interlocked.Decrement(ref _all);
            return null;
        }

        var place = new Place(this, session);
        if (_bySession.AddOrUpdate(session, 1, (_, open) => open + 1) <= PerSessionMax)
        {
            return place;
        }

        place.Dispose();
        return null;
    }

    private void Leave(string session)
    {
        Interlocked.Decrement(ref _all);
        if (_bySession.AddOrUpdate(session, 0, (_, open) => open - 1) <= 0)
        {
            _bySession.TryRemove(KeyValuePair.Create(session, 0));
        }
    }

    private sealed class Place(LiveStreams streams, string session) : IDisposable
    {
        private int _left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0)
            {
                streams.Leave(session);
            }
        }
    }
}
