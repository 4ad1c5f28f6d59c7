using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Slipway.BuildKit.FileSync.Linux;

/// <summary>A folder held by its descriptor: the kernel itself refuses links on the way, whatever another program does meanwhile.</summary>
[SupportedOSPlatform("linux")]
internal sealed class LinuxFolder : RootFolder
{
    /// <summary>Whether the kernel has openat2; found out by the first call. A test clears it to try the other way.</summary>
    internal static volatile bool HasOpenAt2 = true;

    private readonly FolderHandle _handle;

    private readonly XattrReader _xattrs;

    private LinuxFolder(string path, int descriptor)
        : base(path)
    {
        _handle = new FolderHandle(descriptor);
        _xattrs = new XattrReader(this);
    }

    public int Descriptor => _handle.Descriptor;

    /// <inheritdoc cref="RootFolder.Open"/>
    public static new LinuxFolder Open(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        var descriptor = Libc.OpenAt(
            Libc.AT_FDCWD, WirePath.Terminated(System.Text.Encoding.UTF8.GetBytes(full)), Libc.O_RDONLY | Libc.O_DIRECTORY | Libc.O_CLOEXEC, 0);
        return descriptor >= 0 ? new LinuxFolder(full, descriptor) : throw Failure("open folder", full, Marshal.GetLastPInvokeError());
    }

    public static IOException Failure(string what, string path, int error) => new($"cannot {what} {path}: {Libc.Describe(error)}", error);

    public IOException Failure(string what, ReadOnlySpan<byte> path, int error) => Failure(what, path, Libc.Describe(error));

    public IOException Unreadable(string what, ReadOnlySpan<byte> path, int error) =>
        error is Libc.EACCES or Libc.EPERM ? Forbidden(what, path, Libc.Describe(error)) : Failure(what, path, error);

    public override FolderReader CreateReader(WalkFilter filter, FileTimes times = FileTimes.OfFiles) => new LinuxReader(this, filter, _xattrs, times);

    public override FolderWriter CreateWriter() => new LinuxWriter(this);

    public override SourceFile? OpenFile(ReadOnlySpan<byte> path)
    {
        // Without waiting: what is a pipe by now would wait for a writer.
        Span<byte> name = path.Length < 512 ? stackalloc byte[512] : new byte[path.Length + 1];
        path.CopyTo(name);
        name[path.Length] = 0;
        var descriptor = OpenBelow(name[..(path.Length + 1)], Libc.O_RDONLY | Libc.O_NONBLOCK);
        if (descriptor < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            return LinuxReader.IsVanished(error) || error == Libc.ENXIO ? null : throw Unreadable("read file", path, error);
        }

        return LinuxFile.Own(descriptor);
    }

    public override byte[]? ReadLink(ReadOnlySpan<byte> path)
    {
        var descriptor = OpenBelow(WirePath.Terminated(path), Libc.O_PATH | Libc.O_NOFOLLOW);
        if (descriptor < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            return LinuxReader.IsVanished(error) ? null : throw Unreadable("read", path, error);
        }

        Span<byte> target = stackalloc byte[4096];
        var length = Libc.ReadLinkAt(descriptor, "\0"u8, target, target.Length);
        _ = Libc.Close(descriptor);

        // Anything but a link refuses.
        return length <= 0 ? null : target[..(int)length].ToArray();
    }

    /// <summary>Opens a path below the root.</summary>
    /// <param name="path">Clean and relative, without <c>..</c>, with its closing NUL; just the NUL opens the root itself.</param>
    /// <returns>A descriptor, or -1 with the error number in <see cref="Marshal.GetLastPInvokeError"/>; a link on the way is ELOOP or ENOTDIR.</returns>
    public int OpenBelow(ReadOnlySpan<byte> path, int flags, uint mode = 0)
    {
        path = path.Length == 1 ? ".\0"u8 : path;
        if (HasOpenAt2)
        {
            var descriptor = Retry(Descriptor, path, flags, mode);
            if (descriptor >= 0 || Marshal.GetLastPInvokeError() is not (Libc.ENOSYS or Libc.EPERM))
            {
                return descriptor;
            }

            // Kernels before 5.6 lack the call, and some sandboxes forbid it.
            HasOpenAt2 = !IsCallMissing();
        }

        return OpenStepwise(path, flags, mode);
    }

    public override void Dispose() => _handle.Dispose();

    private static int Retry(int folder, ReadOnlySpan<byte> path, int flags, uint mode)
    {
        while (true)
        {
            var descriptor = Libc.OpenAt2(folder, path, flags | Libc.O_NOFOLLOW, mode, Libc.RESOLVE_NO_SYMLINKS | Libc.RESOLVE_BENEATH);

            // EAGAIN: something was renamed while the kernel looked.
            if (descriptor >= 0 || Marshal.GetLastPInvokeError() is not (Libc.EINTR or Libc.EAGAIN))
            {
                return descriptor;
            }
        }
    }

    private bool IsCallMissing()
    {
        var descriptor = Retry(Descriptor, ".\0"u8, Libc.O_PATH, 0);
        if (descriptor < 0)
        {
            return true;
        }

        _ = Libc.Close(descriptor);
        return false;
    }

    private int OpenStepwise(ReadOnlySpan<byte> path, int flags, uint mode)
    {
        var folder = Descriptor;
        Span<byte> name = stackalloc byte[257];
        while (true)
        {
            var slash = path.IndexOf((byte)'/');
            if (slash < 0)
            {
                break;
            }

            if (slash > 255)
            {
                Marshal.SetLastPInvokeError(Libc.ENAMETOOLONG);
                CloseBut(Descriptor, folder);
                return -1;
            }

            path[..slash].CopyTo(name);
            name[slash] = 0;
            var next = Libc.OpenAt(folder, name, Libc.O_PATH | Libc.O_DIRECTORY | Libc.O_NOFOLLOW | Libc.O_CLOEXEC, 0);
            CloseBut(Descriptor, folder);
            if (next < 0)
            {
                return -1;
            }

            folder = next;
            path = path[(slash + 1)..];
        }

        var descriptor = Libc.OpenAt(folder, path, flags | Libc.O_NOFOLLOW | Libc.O_CLOEXEC, mode);
        CloseBut(Descriptor, folder);
        return descriptor;
    }

    private static void CloseBut(int kept, int descriptor)
    {
        if (descriptor == kept)
        {
            return;
        }

        // Closing must not hide the error that is about to be reported.
        var error = Marshal.GetLastPInvokeError();
        _ = Libc.Close(descriptor);
        Marshal.SetLastPInvokeError(error);
    }

    private sealed class FolderHandle(int descriptor) : IDisposable
    {
        private int _descriptor = descriptor;

        public int Descriptor => _descriptor >= 0 ? _descriptor : throw new ObjectDisposedException(nameof(LinuxFolder));

        public void Dispose()
        {
            var descriptor = Interlocked.Exchange(ref _descriptor, -1);
            if (descriptor >= 0)
            {
                _ = Libc.Close(descriptor);
            }
        }
    }
}
