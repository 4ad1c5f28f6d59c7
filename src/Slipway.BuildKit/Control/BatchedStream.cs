using System.Buffers;

namespace Slipway.BuildKit.Control;

/// <summary>What lies below TLS, read and written in large pieces.</summary>
/// <remarks><see cref="System.Net.Security.SslStream"/> asks for one record of 16 KiB at a time and writes one at a time; on a bulk
/// transfer that is half of a side's system calls. Writes gather until the buffer is full or <see cref="FlushAsync"/>.
/// One reader and one writer at a time, as on any stream.</remarks>
public sealed class BatchedStream(Stream inner) : ForwardStream
{
    private const int BufferBytes = 128 * 1024;

    private readonly byte[] _read = ArrayPool<byte>.Shared.Rent(BufferBytes);
    private readonly byte[] _written = ArrayPool<byte>.Shared.Rent(BufferBytes);
    private int _readStart;
    private int _readEnd;
    private int _writtenEnd;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.Length == 0)
        {
            // TLS waits this way for the first byte without holding a buffer.
            return _readStart < _readEnd ? ValueTask.FromResult(0) : FillAsync(buffer, cancellationToken);
        }

        return _readStart < _readEnd ? ValueTask.FromResult(Copy(buffer)) : FillAsync(buffer, cancellationToken);
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (buffer.Length > 0)
        {
            var count = Math.Min(buffer.Length, BufferBytes - _writtenEnd);
            buffer.Span[..count].CopyTo(_written.AsSpan(_writtenEnd));
            _writtenEnd += count;
            buffer = buffer[count..];
            if (_writtenEnd == BufferBytes)
            {
                await FlushAsync(cancellationToken);
            }
        }
    }

    public override async Task FlushAsync(CancellationToken cancellationToken)
    {
        if (_writtenEnd > 0)
        {
            await inner.WriteAsync(_written.AsMemory(0, _writtenEnd), cancellationToken);
            _writtenEnd = 0;
        }

        await inner.FlushAsync(cancellationToken);
    }

    public override void Flush() => throw new NotSupportedException();

    /// <summary>Closes the stream below. The buffers stay with the collector: a read or write may still be leaving them.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private async ValueTask<int> FillAsync(Memory<byte> buffer, CancellationToken cancellation)
    {
        _readEnd = 0;
        _readStart = 0;
        _readEnd = await inner.ReadAsync(_read.AsMemory(0, BufferBytes), cancellation);
        return Copy(buffer);
    }

    private int Copy(Memory<byte> buffer)
    {
        var count = Math.Min(buffer.Length, _readEnd - _readStart);
        _read.AsSpan(_readStart, count).CopyTo(buffer.Span);
        _readStart += count;
        return count;
    }
}
