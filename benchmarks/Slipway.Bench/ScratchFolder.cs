namespace Slipway.Bench;

/// <summary>A folder that goes with its owner: on tmpfs where the machine has memory for it, since on a slow disk all one measures is the disk.</summary>
internal sealed class ScratchFolder : IDisposable
{
    private const string Memory = "/dev/shm";

    /// <summary>The 1 GiB context and the engine's copies of it, twice over.</summary>
    private const long RoomMin = 8L << 30;

    private ScratchFolder(string path) => Path = path;

    public string Path { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public static ScratchFolder Create()
    {
        var parent = Directory.Exists(Memory) && new DriveInfo(Memory).AvailableFreeSpace >= RoomMin && AvailableMemory() >= RoomMin
            ? Memory
            : System.IO.Path.GetTempPath();
        return new ScratchFolder(Directory.CreateDirectory(System.IO.Path.Combine(parent, $"slwb-{Guid.NewGuid().ToString("N")[..8]}")).FullName);
    }

    /// <summary>An empty folder of that name.</summary>
    public string Folder(string name)
    {
        var path = this[name];
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }

        return Directory.CreateDirectory(path).FullName;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    private static long AvailableMemory()
    {
        var line = File.ReadLines("/proc/meminfo").First(line => line.StartsWith("MemAvailable:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) * 1024;
    }
}
