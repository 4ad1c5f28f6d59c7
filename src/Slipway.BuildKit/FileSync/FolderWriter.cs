namespace Slipway.BuildKit.FileSync;

/// <summary>Writes received entries below one folder, over what is there, without ever following a link.</summary>
/// <remarks>Files appear under a temporary name where something has theirs, and replace it when complete. Folders get their modes and times last, because
/// writing into them needs permission and changes the time.</remarks>
internal abstract class FolderWriter : IDisposable
{
    public abstract void AddFolder(FileStat stat);

    public abstract void AddSymlink(FileStat stat);

    /// <summary>A device or a named pipe.</summary>
    public abstract void AddSpecial(FileStat stat);

    /// <summary>Another name of a file. It is made at the end, when that file is complete.</summary>
    public abstract void AddHardLink(FileStat stat);

    public abstract FileWriter CreateFile(FileStat stat);

    /// <summary>Makes the hard links, then gives the folders their modes and times, the inner ones first.</summary>
    public abstract void Finish();

    public abstract void Dispose();

    /// <summary>A link without a target, or with one that no system call takes.</summary>
    protected static void CheckTarget(FileStat stat)
    {
        if (stat.Linkname.Length == 0 || stat.Linkname.AsSpan().Contains((byte)0))
        {
            throw new InvalidDataException($"the engine sent the link \"{WirePath.Show(stat.Path)}\" without a target");
        }
    }

    protected static string TemporaryName() =>
        ".tmp." + System.Security.Cryptography.RandomNumberGenerator.GetHexString(16, lowercase: true);
}

/// <summary>A file being received. Disposed before it is complete, it goes away.</summary>
internal abstract class FileWriter : IDisposable
{
    public abstract void Write(ReadOnlySpan<byte> data);

    /// <summary>Gives the file its mode, time and name.</summary>
    public abstract void Complete();

    public abstract void Dispose();
}
