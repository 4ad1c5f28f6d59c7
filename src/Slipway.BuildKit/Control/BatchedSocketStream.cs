using System.Buffers;
using System.Net.Sockets;

namespace Slipway.BuildKit.Control;

/// <summary>A socket below TLS that is read and written in large pieces.</summary>
/// <remarks><see cref="System.Net.Security.SslStream"/> asks for one record of 16 KiB at a time and writes one at a time; on a bulk
/// transfer that is half of a side's system calls. Writes gather until the buffer is full or <see cref="FlushAsync"/>.
/// One reader and one writer at a time, as on any stream.</remarks>
public sealed class BatchedSocketStream(Socket socket) : Stream
{
    private const int BufferBytes = 128 * 1024;

    private readonly byte[] _read = ArrayPool<byte>.Shared.Rent(BufferBytes);
    private readonly byte[] _written = ArrayPool<byte>.Shared.Rent(BufferBytes);
    private int _readStart;
    private int _readEnd;
    private int _writtenEnd;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

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
        for (var sent = 0; sent < _writtenEnd;)
        {
            sent += await SendAsync(_written.AsMemory(sent, _writtenEnd - sent), cancellationToken);
        }

        _writtenEnd = 0;
    }

    public override void Flush() => throw new NotSupportedException();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Closes the socket. The buffers stay with the collector: a read or write may still be leaving them.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            socket.Dispose();
        }

        base.Dispose(disposing);
    }

    private async ValueTask<int> FillAsync(Memory<byte> buffer, CancellationToken cancellation)
    {
        try
        {
            _readEnd = 0;
            _readStart = 0;
            _readEnd = await socket.ReceiveAsync(_read.AsMemory(0, BufferBytes), SocketFlags.None, cancellation);
        }
        catch (SocketException e)
        {
            throw new IOException(e.Message, e);
        }

        return Copy(buffer);
    }

    private async ValueTask<int> SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        try
        {
            return await socket.SendAsync(bytes, SocketFlags.None, cancellation);
        }
        catch (SocketException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    private int Copy(Memory<byte> buffer)
    {
        var count = Math.Min(buffer.Length, _readEnd - _readStart);
        _read.AsSpan(_readStart, count).CopyTo(buffer.Span);
        _readStart += count;
        return count;
    }
}
