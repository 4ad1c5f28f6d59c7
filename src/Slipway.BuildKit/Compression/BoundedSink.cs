namespace Slipway.BuildKit.Compression;

/// <summary>Takes bytes into a part of an array, and drops them once that is full.</summary>
internal sealed class BoundedSink(byte[] into, int at, int bytesMax) : Stream
{
    /// <summary>As many bytes came as there is room, or more.</summary>
    public bool IsFull { get; private set; }

    public int Written { get; private set; }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        IsFull |= Written + buffer.Length >= bytesMax;
        if (!IsFull)
        {
            buffer.CopyTo(into.AsSpan(at + Written));
            Written += buffer.Length;
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
