using Slipway.BuildKit;

namespace Depot.Cli.Registries;

/// <summary>A limit on silence rather than on duration: a transfer may take as long as it takes while bytes move.</summary>
internal sealed class ActivityLimit(TimeSpan silenceMax, TimeProvider clock, CancellationToken cancellation) : IDisposable
{
    private readonly CancellationTokenSource _silence = new(silenceMax, clock);
    private CancellationTokenSource? _either;

    /// <summary>Fires on silence, and when the command is cancelled.</summary>
    public CancellationToken Token => (_either ??= CancellationTokenSource.CreateLinkedTokenSource(_silence.Token, cancellation)).Token;

    public bool WasSilent => _silence.IsCancellationRequested && !cancellation.IsCancellationRequested;

    /// <summary>What <paramref name="inner"/> gives, with the limit beginning anew at each read that brought something.</summary>
    public Stream Watch(Stream inner) => new Watched(inner, this);

    public void Dispose()
    {
        _either?.Dispose();
        _silence.Dispose();
    }

    private void Restart() => _silence.CancelAfter(silenceMax);

    private sealed class Watched(Stream inner, ActivityLimit limit) : ForwardStream
    {
        public override bool CanRead => true;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = await inner.ReadAsync(buffer, cancellationToken);
            limit.Restart();
            return count;
        }
    }
}
