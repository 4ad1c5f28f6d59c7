using System.Collections.Concurrent;
using Slipway.Server.Storage;

namespace Slipway.Server.Tokens;

/// <summary>When each token was last used, to the minute, written in batches: a call does not wait for it.</summary>
internal sealed class TokenUse(TokenStore tokens, TimeProvider clock)
{
    private const long Minute = 60_000;
    private readonly ConcurrentDictionary<string, long> _unwritten = new(StringComparer.Ordinal);

    public void Mark(TokenRecord token)
    {
        var minute = clock.Now() / Minute * Minute;
        if ((token.LastUsedAt ?? 0) < minute)
        {
            _unwritten[token.Id] = minute;
        }
    }

    public async Task FlushAsync(CancellationToken cancellation)
    {
        var uses = _unwritten.ToArray();
        if (uses.Length == 0)
        {
            return;
        }

        await tokens.MarkUsedAsync(uses, cancellation);
        foreach (var use in uses)
        {
            _unwritten.TryRemove(use);
        }
    }
}
