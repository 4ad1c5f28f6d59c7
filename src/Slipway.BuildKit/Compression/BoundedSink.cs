namespace Slipway.BuildKit.Compression;

/// <summary>Takes bytes into a part of an array, and drops them once that is full.</summary>
internal sealed class BoundedSink(byte[] into, int at, int bytesMax) : ForwardStream
{
    /// <summary>As many bytes came as there is room, or more.</summary>
    public bool IsFull { get; private set; }

    public int Written { get; private set; }

    public override bool CanWrite => true;

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
}
