using System.Collections.Concurrent;
using Slipway.Server.Storage;

namespace Slipway.Server.Builds;

/// <summary>When each running build's client was last heard. In memory only: after a restart every client has a fresh start.</summary>
internal sealed class BuildActivity(TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, ClientSign> _heard = new(StringComparer.Ordinal);
    private readonly long _startedAt = clock.Now();

    /// <param name="watchesBuilder">It would have ended the build by itself if its builder were gone.</param>
    public void Hear(string buildId, bool watchesBuilder = false) => _heard[buildId] = new ClientSign(clock.Now(), watchesBuilder);

    public ClientSign LastSign(Build build)
    {
        var sign = _heard.GetValueOrDefault(build.Id, new ClientSign(_startedAt, WatchesBuilder: false));
        return sign with { At = Math.Max(sign.At, build.CreatedAt) };
    }

    public void Forget(string buildId) => _heard.TryRemove(buildId, out _);
}

/// <summary>The last that was heard of a build's client.</summary>
/// <param name="WatchesBuilder">It had a working connection to its builder then, or was making one.</param>
internal readonly record struct ClientSign(long At, bool WatchesBuilder);
