using Slipway.BuildKit.FileSync.Linux;
using Slipway.BuildKit.FileSync.Portable;

namespace Slipway.BuildKit.FileSync;

/// <summary>An open folder below which entries are read and written by relative path, and never outside it: no component is followed when it is a link.</summary>
/// <remarks>
/// All that differs between systems stands behind this type. On Linux it is <see cref="LinuxFolder"/>, which works on descriptors and bytes and lets
/// no other program come between; elsewhere <see cref="PortableFolder"/>, which uses nothing but .NET.
/// Paths are those of the wire: clean, relative, without <c>..</c>; the empty one is the folder itself.
/// </remarks>
internal abstract class RootFolder : IDisposable
{
    protected RootFolder(string path) => Path = path;

    /// <summary>The folder's full path.</summary>
    public string Path { get; }

    /// <summary>Opens a folder; the path itself may go through links.</summary>
    /// <exception cref="IOException">It does not exist, is no folder, or may not be read.</exception>
    public static RootFolder Open(string path) => OperatingSystem.IsLinux() ? LinuxFolder.Open(path) : PortableFolder.Open(path);

    /// <summary>Opens a folder to write into; it is created when missing.</summary>
    public static RootFolder Create(string path)
    {
        Directory.CreateDirectory(path);
        return Open(path);
    }

    public abstract FolderReader CreateReader(WalkFilter filter, FileTimes times = FileTimes.OfFiles);

    public abstract FolderWriter CreateWriter();

    /// <summary>Opens a file to read. Null when it has vanished, or is a regular file no longer: then it is sent as empty.</summary>
    /// <exception cref="IOException">It may not be read.</exception>
    public abstract SourceFile? OpenFile(ReadOnlySpan<byte> path);

    /// <summary>What a link points to; null when there is no link.</summary>
    /// <exception cref="IOException">A folder on the way may not be read.</exception>
    public abstract byte[]? ReadLink(ReadOnlySpan<byte> path);

    public abstract void Dispose();

    public IOException Failure(string what, ReadOnlySpan<byte> path, string why, Exception? inner = null) =>
        new($"cannot {what} {System.IO.Path.Join(Path, WirePath.Show(path))}: {why}", inner);

    /// <summary>What is to be sent and this user may not read, with what to do about it.</summary>
    public IOException Forbidden(string what, ReadOnlySpan<byte> path, string why = "permission denied", Exception? inner = null) =>
        Failure(what, path, why + " (make it readable, or leave it out with .dockerignore)", inner);
}
