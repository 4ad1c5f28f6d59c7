using Slipway.BuildKit.FileSync;

namespace Depot.Cli.Rendering;

/// <summary>How much of the build context the builder has asked for, which BuildKit's own progress does not say.</summary>
internal sealed class UploadMeter
{
    /// <summary>From here on a context is worth a word: a checkout that brings its dependencies and its history along.</summary>
    private const long HeavyFrom = 100_000_000;

    private const int NamedMax = 3;

    private readonly Lock _gate = new();
    private readonly List<Transfer> _contexts = [];

    /// <summary>The bytes of the context that is on its way, as far as they are known; null when several are and cannot be told apart.</summary>
    /// <remarks>The frontend reads .dockerignore from the context first: a transfer that has sent what it was asked for is over.</remarks>
    public long? ContextBytes
    {
        get
        {
            lock (_gate)
            {
                var running = _contexts.Where(transfer => transfer.Sent < transfer.Wanted).ToList();
                return running.Count switch
                {
                    0 => _contexts.Count == 0 ? null : _contexts.Max(transfer => transfer.Wanted),
                    1 => running[0].Wanted,
                    _ => null,
                };
            }
        }
    }

    /// <summary>Where a line about a heavy context goes.</summary>
    public Action<string>? Say { get; set; }

    /// <summary>Begins to watch one transfer.</summary>
    public TransferWatch Watch(string folder)
    {
        var transfer = new Transfer();
        if (folder == "context")
        {
            lock (_gate)
            {
                _contexts.Add(transfer);
            }
        }

        return new TransferWatch(Move)
        {
            HeavyFrom = folder == "context" ? HeavyFrom : long.MaxValue,
            Heavy = Tell,
        };

        void Move(long sent, long wanted)
        {
            lock (_gate)
            {
                (transfer.Sent, transfer.Wanted) = (Math.Max(transfer.Sent, sent), Math.Max(transfer.Wanted, wanted));
            }
        }
    }

    // Two lines, because a terminal cuts what is wider than itself.
    private void Tell(IReadOnlyList<FolderWeight> weights)
    {
        var heaviest = weights.Take(NamedMax).Select(weight => $"{weight.Name}{(weight.IsFolder ? "/" : "")} {SizeText.Format(weight.Bytes)}");
        Say?.Invoke($"[depot] the context is large: {SizeText.Format(weights.Sum(weight => weight.Bytes))}, mostly {string.Join(", ", heaviest)}");
        Say?.Invoke("[depot] what the build does not need of it, .dockerignore leaves out");
    }

    private sealed class Transfer
    {
        public long Sent { get; set; }

        public long Wanted { get; set; }
    }
}
