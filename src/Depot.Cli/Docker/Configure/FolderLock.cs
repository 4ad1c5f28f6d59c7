namespace Depot.Cli.Docker.Configure;

/// <summary>Keeps several runs on one machine out of each other's way while they change a folder.</summary>
internal sealed class FolderLock : IDisposable
{
    private const string Name = ".depot-configure.lock";
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(30);

    private readonly FileStream _file;

    private FolderLock(FileStream file) => _file = file;

    public static async Task<FolderLock> TakeAsync(string folder, TimeProvider clock, CancellationToken cancellation)
    {
        var path = Path.Combine(folder, Name);
        var start = clock.GetTimestamp();
        while (true)
        {
            try
            {
                return new FolderLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            }
            catch (IOException problem) when (problem is not (DirectoryNotFoundException or FileNotFoundException))
            {
                if (clock.GetElapsedTime(start) > WaitMax)
                {
                    throw new CliException($"{path} is held by another run: {problem.Message}", inner: problem)
                    {
                        Remedy = "Wait for the other `depot configure-docker`, or end it.",
                    };
                }

                await Task.Delay(RetryAfter, clock, cancellation);
            }
        }
    }

    /// <summary>Leaves no trace in the folder.</summary>
    public void Remove() => File.Delete(_file.Name);

    public void Dispose() => _file.Dispose();
}
