namespace Slipway.Builder.Engine;

/// <summary>How much of its cache an engine keeps, and how much of the disk it leaves alone.</summary>
/// <param name="KeepBytes">The project's limit; 0: none but the disk's.</param>
/// <param name="KeepDays">Unused for longer is removed; 0: never.</param>
internal readonly record struct CacheBudget(long KeepBytes, int KeepDays)
{
    private const long GiB = 1024L * 1024 * 1024;

    /// <summary>What the engine's garbage collection leaves free: well above where builds are refused.</summary>
    public static long FreeBytesGoal(DriveInfo disk) => Math.Min(5 * GiB, disk.TotalSize / 10);

    /// <summary>The most the cache may take on this disk.</summary>
    public long UsedBytesMax(DriveInfo disk)
    {
        var most = disk.TotalSize / 10 * 9;
        return KeepBytes > 0 ? Math.Min(KeepBytes, most) : most;
    }

    /// <exception cref="EngineException">The disk is too full to begin a build on.</exception>
    public static void CheckSpace(string folder)
    {
        var disk = new DriveInfo(folder);
        // 1 GiB, or 5 % where the whole disk is small.
        if (disk.AvailableFreeSpace < Math.Min(GiB, disk.TotalSize / 20))
        {
            throw new EngineException(
                $"no space left for builds in {folder} ({disk.AvailableFreeSpace >> 20} MiB free); run \"depot cache reset\" or free space");
        }
    }
}
