using System.Globalization;

namespace Slipway.Builder.Engine;

/// <summary>What /proc says of processes.</summary>
internal static class ProcessTable
{
    /// <summary>Programs that an engine consists of. Nothing else is ever killed for its arguments: an editor may have the same file open.</summary>
    private static readonly HashSet<string> EnginePrograms = new(StringComparer.Ordinal)
    {
        "dockerd", "containerd", "containerd-shim", "containerd-shim-runc-v2", "runc", "docker-proxy", "docker-init", "buildkitd", "buildkit-runc",
    };

    /// <summary>When a process started, in clock ticks since boot: with it, a pid means one process only. Null when there is none.</summary>
    public static long? StartTimeOf(int pid)
    {
        var fields = FieldsOf(pid);
        return fields.Length > 19 && fields[0] is not ("Z" or "X") && long.TryParse(fields[19], NumberStyles.None, CultureInfo.InvariantCulture, out var ticks)
            ? ticks
            : null;
    }

    /// <summary>The first living child of a process, or null.</summary>
    public static int? ChildOf(int parent)
    {
        var wanted = parent.ToString(CultureInfo.InvariantCulture);
        foreach (var pid in All())
        {
            if (FieldsOf(pid) is [not ("Z" or "X"), var found, ..] && found == wanted)
            {
                return pid;
            }
        }

        return null;
    }

    /// <summary>Processes of one engine: those in its cgroup, and engine programs whose arguments name its folders.</summary>
    public static List<int> FindEngine(EngineFolder folder)
    {
        var found = new List<int>();
        foreach (var pid in All())
        {
            if (pid != Environment.ProcessId && StartTimeOf(pid) is not null && Belongs(pid, folder))
            {
                found.Add(pid);
            }
        }

        return found;
    }

    private static IEnumerable<int> All()
    {
        foreach (var path in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out var pid))
            {
                yield return pid;
            }
        }
    }

    /// <summary>/proc/PID/stat from its third field (state, parent, …) on; counted from behind the command, which stands in parentheses
    /// and may contain anything (proc(5)).</summary>
    private static string[] FieldsOf(int pid)
    {
        var stat = ReadText(pid, "stat");
        var afterCommand = stat.LastIndexOf(')');
        return afterCommand < 0 ? [] : stat[(afterCommand + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }

    private static bool Belongs(int pid, EngineFolder folder)
    {
        if (ReadText(pid, "cgroup").Split('\n').Any(line => (line + "/").Contains($"/{folder.CgroupName}/", StringComparison.Ordinal)))
        {
            return true;
        }

        var arguments = ReadText(pid, "cmdline").Split('\0');
        return EnginePrograms.Contains(Path.GetFileName(arguments[0]))
            && arguments.Skip(1).Any(argument => IsBelow(argument, folder.Root) || IsBelow(argument, folder.Run));
    }

    private static bool IsBelow(string argument, string folder)
    {
        var at = argument.IndexOf(folder, StringComparison.Ordinal);
        return at >= 0 && (at + folder.Length == argument.Length || argument[at + folder.Length] == '/');
    }

    private static string ReadText(int pid, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/{file}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
