using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;

namespace Slipway.BuildKit.FileSync.Linux;

/// <summary>Reads extended attributes, all but Apple's, as upstream does; asks at most once per file system that has none.</summary>
[SupportedOSPlatform("linux")]
internal sealed class XattrReader(LinuxFolder root)
{
    // Limits of linux/limits.h: XATTR_LIST_MAX, XATTR_SIZE_MAX.
    private const int ListBytesMax = 64 * 1024;
    private const int ValueBytesMax = 64 * 1024;

    private readonly byte[] _rootPath = Encoding.UTF8.GetBytes(root.Path);

    /// <summary>Whether the kernel has listxattrat and getxattrat; found out by the first call. A test clears it to try the other way.</summary>
    internal static volatile bool HasXattrAt = true;

    // One file system without attributes is remembered: a context seldom spans more. 0 is none: device 0:0 does not exist.
    private ulong _deviceWithout;

    /// <summary>The attributes encoded as <see cref="PacketWriter"/> sends them, or null when there are none.</summary>
    /// <param name="folder">The open folder that holds the entry.</param>
    /// <param name="name">The entry's name with its closing NUL.</param>
    /// <param name="path">The entry's path below the root.</param>
    /// <returns>False when the entry has vanished.</returns>
    /// <exception cref="IOException">The file system reports an error.</exception>
    public bool TryRead(int folder, ReadOnlySpan<byte> name, ReadOnlySpan<byte> path, ulong device, out byte[]? encoded)
    {
        encoded = null;
        if (device == Volatile.Read(ref _deviceWithout))
        {
            return true;
        }

        Span<byte> list = stackalloc byte[1024];
        var length = List(folder, name, path, list);
        if (length < 0 && Marshal.GetLastPInvokeError() == Libc.ERANGE)
        {
            list = new byte[ListBytesMax];
            length = List(folder, name, path, list);
        }

        if (length > 0)
        {
            encoded = ReadValues(folder, name, path, list[..length]);
        }

        return length >= 0 || Explain(path, device);
    }

    private bool Explain(ReadOnlySpan<byte> path, ulong device)
    {
        var error = Marshal.GetLastPInvokeError();
        if (error == Libc.EOPNOTSUPP)
        {
            Volatile.Write(ref _deviceWithout, device);
            return true;
        }

        return LinuxReader.IsVanished(error) ? false : throw root.Unreadable("read the attributes of", path, error);
    }

    private int List(int folder, ReadOnlySpan<byte> name, ReadOnlySpan<byte> path, Span<byte> list)
    {
        if (HasXattrAt)
        {
            var length = Libc.ListXattrAt(folder, name, list);
            if (length >= 0 || Marshal.GetLastPInvokeError() is not (Libc.ENOSYS or Libc.EPERM))
            {
                return length;
            }

            // Linux before 6.13, or a sandbox that does not know the call.
            HasXattrAt = false;
        }

        return (int)Libc.ListXattr(FullPath(path), list, list.Length);
    }

    private byte[]? ReadValues(int folder, ReadOnlySpan<byte> name, ReadOnlySpan<byte> path, ReadOnlySpan<byte> list)
    {
        List<byte>? encoded = null;
        Span<byte> value = stackalloc byte[1024];
        Span<byte> key = stackalloc byte[257];
        while (list.IndexOf((byte)0) is >= 0 and var end)
        {
            var attribute = list[..end];
            list = list[(end + 1)..];
            if (attribute.Length > 255 || attribute.StartsWith("com.apple."u8))
            {
                continue;
            }

            attribute.CopyTo(key);
            key[attribute.Length] = 0;
            var length = Value(folder, name, path, key[..(attribute.Length + 1)], value);
            if (length < 0 && Marshal.GetLastPInvokeError() == Libc.ERANGE)
            {
                value = new byte[ValueBytesMax];
                length = Value(folder, name, path, key[..(attribute.Length + 1)], value);
            }

            // An attribute that may not be read stays behind, as upstream leaves it.
            if (length >= 0)
            {
                PacketWriter.AppendXattr(encoded ??= [], attribute, value[..length]);
            }
        }

        return encoded?.ToArray();
    }

    private int Value(int folder, ReadOnlySpan<byte> name, ReadOnlySpan<byte> path, ReadOnlySpan<byte> key, Span<byte> value) =>
        HasXattrAt ? Libc.GetXattrAt(folder, name, key, value) : (int)Libc.GetXattr(FullPath(path), key, value, value.Length);

    private byte[] FullPath(ReadOnlySpan<byte> path) => [.. _rootPath, (byte)'/', .. path, 0];
}
