using System.Runtime.InteropServices;

namespace Slipway.BuildKit.FileSync;

/// <summary>An open folder below which files are opened by relative path, and never outside it: no component is followed when it is a link.</summary>
internal sealed class RootFolder : IDisposable
{
    private static volatile bool _hasOpenAt2 = true;
    private readonly FolderHandle _handle;

    private RootFolder(string path, int descriptor)
    {
        Path = path;
        _handle = new FolderHandle(descriptor);
    }

    /// <summary>The folder's real path, for messages.</summary>
    public string Path { get; }

    public int Descriptor => _handle.Descriptor;

    /// <summary>Opens a folder; the path itself may go through links.</summary>
    /// <exception cref="IOException">It does not exist, is no folder, or may not be read.</exception>
    public static RootFolder Open(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        var descriptor = Libc.OpenAt(
            Libc.AT_FDCWD, WirePath.Terminated(System.Text.Encoding.UTF8.GetBytes(full)), Libc.O_RDONLY | Libc.O_DIRECTORY | Libc.O_CLOEXEC, 0);
        return descriptor >= 0 ? new RootFolder(full, descriptor) : throw Failure("open folder", full, Marshal.GetLastPInvokeError());
    }

    public static IOException Failure(string what, string path, int error) => new($"cannot {what} {path}: {Libc.Describe(error)}", error);

    public IOException Failure(string what, ReadOnlySpan<byte> path, int error) =>
        Failure(what, System.IO.Path.Join(Path, WirePath.Show(path)), error);

    /// <summary>Opens a path below the root.</summary>
    /// <param name="path">Clean and relative, without <c>..</c>, with its closing NUL; just the NUL opens the root itself.</param>
    /// <returns>A descriptor, or -1 with the error number in <see cref="Marshal.GetLastPInvokeError"/>; a link on the way is ELOOP or ENOTDIR.</returns>
    public int OpenBelow(ReadOnlySpan<byte> path, int flags, uint mode = 0)
    {
        path = path.Length == 1 ? ".\0"u8 : path;
        if (_hasOpenAt2)
        {
            var descriptor = Retry(Descriptor, path, flags, mode);
            if (descriptor >= 0 || Marshal.GetLastPInvokeError() is not (Libc.ENOSYS or Libc.EPERM))
            {
                return descriptor;
            }

            // Kernels before 5.6 lack the call, and some sandboxes forbid it.
            _hasOpenAt2 = !IsCallMissing();
        }

        return OpenStepwise(path, flags, mode);
    }

    public void Dispose() => _handle.Dispose();

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

        public int Descriptor => _descriptor >= 0 ? _descriptor : throw new ObjectDisposedException(nameof(RootFolder));

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
