namespace Slipway.BuildKit.FileSync;

/// <summary>A regular file that is open for reading.</summary>
internal abstract class SourceFile : IDisposable
{
    /// <summary>The size when it was opened.</summary>
    public abstract long Size { get; }

    /// <summary>Reads at an offset; 0 is the end.</summary>
    /// <exception cref="IOException">The disk refuses.</exception>
    public abstract int Read(Span<byte> buffer, long offset);

    public abstract void Dispose();
}
