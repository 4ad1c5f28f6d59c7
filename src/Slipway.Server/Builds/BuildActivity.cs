using System.Collections.Concurrent;
using Slipway.Server.Storage;

namespace Slipway.Server.Builds;

/// <summary>When each running build's client was last heard. In memory only: after a restart every client has a fresh start.</summary>
internal sealed class BuildActivity(TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, long> _heard = new(StringComparer.Ordinal);
    private readonly long _startedAt = clock.Now();

    public void Hear(string buildId) => _heard[buildId] = clock.Now();

    public long LastHeard(Build build) => Math.Max(_heard.GetValueOrDefault(build.Id, _startedAt), build.CreatedAt);

    public void Forget(string buildId) => _heard.TryRemove(buildId, out _);
}
