using Microsoft.Win32.SafeHandles;

namespace Slipway.BuildKit.FileSync.Portable;

internal sealed class PortableFile(SafeFileHandle handle) : SourceFile
{
    public override long Size { get; } = RandomAccess.GetLength(handle);

    public override int Read(Span<byte> buffer, long offset)
    {
        try
        {
            return RandomAccess.Read(handle, buffer, offset);
        }
        catch (UnauthorizedAccessException forbidden)
        {
            throw new IOException("permission denied", forbidden);
        }
    }

    public override void Dispose() => handle.Dispose();
}
