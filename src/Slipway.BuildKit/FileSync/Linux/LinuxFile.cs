using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Slipway.BuildKit.FileSync.Linux;

[SupportedOSPlatform("linux")]
internal sealed class LinuxFile : SourceFile
{
    private readonly int _descriptor;

    private LinuxFile(int descriptor, long size) => (_descriptor, Size) = (descriptor, size);

    public override long Size { get; }

    /// <summary>Takes an open descriptor over; null, and it is closed, when it is of no regular file.</summary>
    public static LinuxFile? Own(int descriptor)
    {
        if (Libc.StatAt(descriptor, "\0"u8, Libc.AT_EMPTY_PATH, Libc.StatxBasic, out var stat) == 0 && (stat.Mode & Libc.S_IFMT) == Libc.S_IFREG)
        {
            return new LinuxFile(descriptor, (long)stat.Size);
        }

        _ = Libc.Close(descriptor);
        return null;
    }

    /// <summary>Reads a regular file in an open folder; null when it cannot be read, which is for whoever sends it to say.</summary>
    public static long? ContentTimeOf(int folder, ReadOnlySpan<byte> name)
    {
        // Without waiting: what is a pipe by now would wait for a writer.
        var descriptor = Libc.OpenAt(folder, name, Libc.O_RDONLY | Libc.O_NOFOLLOW | Libc.O_NONBLOCK | Libc.O_CLOEXEC, 0);
        if (descriptor < 0)
        {
            // A socket travels as an empty file.
            return Marshal.GetLastPInvokeError() == Libc.ENXIO ? ContentTime.OfNothing : null;
        }

        using var file = Own(descriptor);
        return file is null ? null : ContentTime.OfFile(file);
    }

    public override int Read(Span<byte> buffer, long offset)
    {
        while (true)
        {
            var read = (int)Libc.Read(_descriptor, buffer, buffer.Length, offset);
            if (read >= 0)
            {
                return read;
            }

            var error = Marshal.GetLastPInvokeError();
            if (error != Libc.EINTR)
            {
                throw new IOException(Libc.Describe(error), error);
            }
        }
    }

    public override void Dispose() => _ = Libc.Close(_descriptor);
}
