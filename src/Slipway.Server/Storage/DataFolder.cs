using System.Globalization;

namespace Slipway.Server.Storage;

/// <summary>The folder that holds everything a server must not lose, and the lock that keeps a second server out of it.</summary>
public sealed class DataFolder : IDisposable
{
    private readonly FileStream _lock;

    private DataFolder(string path, FileStream heldLock)
    {
        Path = path;
        _lock = heldLock;
    }

    public string Path { get; }

    public static string DatabasePath(string folder) => System.IO.Path.Combine(folder, "slipway.db");

    /// <summary>Creates the folder if need be and takes its lock.</summary>
    /// <exception cref="StartupException">The folder cannot be used, or another process uses it.</exception>
    public static DataFolder Open(string path)
    {
        path = System.IO.Path.GetFullPath(path);
        if (File.Exists(path))
        {
            throw new StartupException($"cannot use the data folder {path}: it is a file; choose a folder with --data DIR");
        }

        try
        {
            CreatePrivateFolder(path);
            return new DataFolder(path, TakeLock(path));
        }
        catch (Exception failure) when (failure is UnauthorizedAccessException or IOException)
        {
            throw new StartupException(
                $"cannot use the data folder {path}: {failure.Message.TrimEnd('.')}; "
                + "choose a folder that this user may write with --data DIR", failure);
        }
    }

    /// <summary>The process id that holds the folder's lock; null when nobody does.</summary>
    public static int? HolderOf(string path)
    {
        var lockPath = LockPath(path);
        if (!File.Exists(lockPath))
        {
            return null;
        }

        try
        {
            using var probe = OpenExclusive(lockPath);
            return null;
        }
        catch (IOException)
        {
            return ReadHolder(path) ?? 0;
        }
    }

    public void Dispose() => _lock.Dispose();

    internal static void CreatePrivateFolder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
            return;
        }

        Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private static FileStream TakeLock(string path)
    {
        var lockPath = LockPath(path);
        FileStream held;
        try
        {
            held = OpenExclusive(lockPath);
        }
        catch (IOException) when (ReadHolder(path) is { } holder)
        {
            throw new StartupException(
                $"the data folder {path} is already in use by pid {holder}; stop that server, or choose another folder with --data DIR");
        }

        File.WriteAllText(PidPath(path), Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        return held;
    }

    // FileShare.None is flock(LOCK_EX | LOCK_NB) on Unix: it ends with the process, however the process ends.
    private static FileStream OpenExclusive(string lockPath) =>
        new(lockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);

    // In a file of its own: .NET takes a lock on whatever it opens, and the lock file has one already.
    private static int? ReadHolder(string path) =>
        File.Exists(PidPath(path)) && int.TryParse(File.ReadAllText(PidPath(path)), CultureInfo.InvariantCulture, out var pid) ? pid : null;

    private static string PidPath(string path) => System.IO.Path.Combine(path, "server.pid");

    private static string LockPath(string path) => System.IO.Path.Combine(path, "server.lock");
}
