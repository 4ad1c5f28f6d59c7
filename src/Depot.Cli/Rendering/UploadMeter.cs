namespace Depot.Cli.Rendering;

/// <summary>How much of the build context the builder has asked for, which BuildKit's own progress does not say.</summary>
internal sealed class UploadMeter
{
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

    /// <summary>Begins to watch one transfer; the answer takes its bytes sent and asked for.</summary>
    public Action<long, long> Watch(string folder)
    {
        var transfer = new Transfer();
        if (folder == "context")
        {
            lock (_gate)
            {
                _contexts.Add(transfer);
            }
        }

        return (sent, wanted) =>
        {
            lock (_gate)
            {
                (transfer.Sent, transfer.Wanted) = (Math.Max(transfer.Sent, sent), Math.Max(transfer.Wanted, wanted));
            }
        };
    }

    private sealed class Transfer
    {
        public long Sent { get; set; }

        public long Wanted { get; set; }
    }
}
