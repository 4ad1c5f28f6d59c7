namespace Depot.Cli.Build;

/// <summary>Standard input, whose first bytes decide what it is.</summary>
internal sealed class StandardInput(Stream stream)
{
    private ReadOnlyMemory<byte> _head;

    /// <summary>The first bytes, without consuming them: two tar headers' worth, or fewer where the input is shorter.</summary>
    public async Task<ReadOnlyMemory<byte>> PeekAsync(CancellationToken cancellation)
    {
        if (_head.Length == 0)
        {
            var buffer = new byte[2 * Archive.HeaderBytes];
            _head = buffer.AsMemory(0, await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation));
        }

        return _head;
    }

    /// <summary>What <see cref="PeekAsync"/> saw; the rest follows in <see cref="Rest"/>.</summary>
    public ReadOnlyMemory<byte> Head => _head;

    public Stream Rest => stream;

    public async Task CopyToAsync(Stream destination, CancellationToken cancellation)
    {
        await destination.WriteAsync(_head, cancellation);
        await stream.CopyToAsync(destination, cancellation);
    }
}
