namespace Slipway.BuildKit.FileSync;

/// <summary>A temporary folder that only its owner can read (mode 0700), gone when disposed: for a Dockerfile that came from standard input.</summary>
public sealed class PrivateFolder : IDisposable
{
    private PrivateFolder(string path) => Path = path;

    public string Path { get; }

    /// <param name="prefix">Begins the folder's name, so that a leftover can be told.</param>
    public static PrivateFolder Create(string prefix) => new(Directory.CreateTempSubdirectory(prefix).FullName);

    public Task WriteAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation) =>
        File.WriteAllBytesAsync(System.IO.Path.Combine(Path, name), content, cancellation);

    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (Exception leftover) when (leftover is IOException or UnauthorizedAccessException)
        {
            // Gone already, or taken away: the temporary folder's own cleaning sees to the rest.
        }
    }
}
