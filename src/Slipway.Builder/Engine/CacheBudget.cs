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
        if (LackOfSpace(folder, disk.AvailableFreeSpace, disk.TotalSize) is { } lack)
        {
            throw new EngineException(lack);
        }
    }

    /// <summary>The message when less than 1 GiB is free, or 5 % where the whole disk is small; else null.</summary>
    internal static string? LackOfSpace(string folder, long freeBytes, long totalBytes) => freeBytes >= Math.Min(GiB, totalBytes / 20)
        ? null
        : $"no space left for builds in {folder} ({freeBytes >> 20} MiB free); run \"depot cache reset\" or free space";
}
