using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Slipway.Builder.Engine;

/// <summary>Ends what a dead engine left running, mounted or registered, in its own folders and cgroup only.</summary>
internal static class Leftovers
{
    private static readonly TimeSpan KillLimit = TimeSpan.FromSeconds(10);

    public static async Task SweepAsync(EngineFolder folder, ILogger log, CancellationToken cancellation)
    {
        await KillAsync(folder, log, cancellation);
        Unmount(folder, log);
        RemoveCgroups(folder);
        Directory.CreateDirectory(folder.Run);
        File.Delete(folder.PidFile);
        File.Delete(folder.Socket);
        // dockerd refuses to start while its pid file names a process that lives, whichever that is by now.
        File.Delete(Path.Combine(folder.Run, "docker.pid"));
        var execRoot = Path.Combine(folder.Run, "x");
        if (Directory.Exists(execRoot))
        {
            Directory.Delete(execRoot, recursive: true);
        }
    }

    private static async Task KillAsync(EngineFolder folder, ILogger log, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(KillLimit);
        var found = Find(folder);
        if (found.Count > 0)
        {
            log.LogWarning("engine of project {Project}: ending {Count} leftover processes", folder.ProjectId, found.Count);
        }

        for (; found.Count > 0; found = Find(folder))
        {
            foreach (var pid in found)
            {
                _ = Libc.Kill(pid, Libc.SigKill);
            }

            try
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, limit.Token);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                throw new EngineException($"processes of an earlier engine of project {folder.ProjectId} cannot be ended: {string.Join(", ", found)}");
            }
        }
    }

    private static List<int> Find(EngineFolder folder)
    {
        var found = ProcessTable.FindEngine(folder);
        if (ReadPidFile(folder) is { } pid && !found.Contains(pid))
        {
            found.Add(pid);
        }

        return found;
    }

    /// <summary>The process in the pid file, when it is still the one that was written down.</summary>
    private static int? ReadPidFile(EngineFolder folder)
    {
        if (!File.Exists(folder.PidFile))
        {
            return null;
        }

        return File.ReadAllText(folder.PidFile).Split(' ') is [var pidText, var startText]
            && int.TryParse(pidText, NumberStyles.None, CultureInfo.InvariantCulture, out var pid)
            && long.TryParse(startText, NumberStyles.None, CultureInfo.InvariantCulture, out var start)
            && ProcessTable.StartTimeOf(pid) == start
            ? pid
            : null;
    }

    /// <summary>Engines run in a mount namespace that ends with them; this is for those that could not.</summary>
    private static void Unmount(EngineFolder folder, ILogger log)
    {
        var targets = File.ReadLines("/proc/self/mountinfo")
            .Select(line => Unescape(line.Split(' ')[4]))
            .Where(target => target.StartsWith(folder.Root + "/", StringComparison.Ordinal) || target.StartsWith(folder.Run + "/", StringComparison.Ordinal))
            .OrderByDescending(target => target.Length);
        foreach (var target in targets)
        {
            if (Libc.Unmount(target, Libc.MountDetach) != 0)
            {
                log.LogWarning("{Target} cannot be unmounted", target);
            }
        }
    }

    /// <summary>mountinfo writes space, tab, line end and backslash in octal (proc(5)).</summary>
    private static string Unescape(string text) => text.Replace("\\040", " ", StringComparison.Ordinal).Replace("\\011", "\t", StringComparison.Ordinal)
        .Replace("\\012", "\n", StringComparison.Ordinal).Replace("\\134", "\\", StringComparison.Ordinal);

    private static void RemoveCgroups(EngineFolder folder)
    {
        const string Mount = "/sys/fs/cgroup";
        // Version 1 has one tree per controller below the mount, version 2 is one tree.
        var trees = Directory.Exists(Mount) ? Directory.EnumerateDirectories(Mount).Append(Mount) : [];
        foreach (var group in trees.Select(tree => Path.Combine(tree, folder.CgroupName)).Where(Directory.Exists))
        {
            RemoveCgroup(group);
        }
    }

    private static void RemoveCgroup(string group)
    {
        try
        {
            foreach (var child in Directory.EnumerateDirectories(group))
            {
                RemoveCgroup(child);
            }

            // Its files are the kernel's; only rmdir(2) removes a cgroup.
            Directory.Delete(group);
        }
        catch (IOException)
        {
            // Something in it is still dying; an empty cgroup costs nothing and the next sweep tries again.
        }
    }
}
