using System.Net;

namespace Slipway.Builder.Engine;

/// <summary>How engines find names where this machine's resolver listens on its loopback, out of their reach.</summary>
internal static class NameServers
{
    private const string Configuration = "/etc/resolv.conf";

    /// <summary>What systemd-resolved itself asks; also what Docker and BuildKit give to build steps.</summary>
    private const string Upstream = "/run/systemd/resolve/resolv.conf";

    /// <summary>The machine's resolver when that is on its loopback and what it asks in turn is not known; else null.</summary>
    public static string? LoopbackOnly()
    {
        var known = Read(Configuration);
        return known.Count > 0 && known.TrueForAll(IsLoopback) && (Read(Upstream) is not { Count: > 0 } upstream || upstream.Exists(IsLoopback))
            ? known.Find(server => server.Contains('.', StringComparison.Ordinal)) : null;
    }

    /// <summary>Shell commands that give the engine, in its mount namespace, a resolver that it can reach; none where the machine's will do.</summary>
    public static string Preamble(EngineFolder folder, EngineSubnet subnet)
    {
        if (!Read(Configuration).TrueForAll(IsLoopback))
        {
            return "";
        }

        if (LoopbackOnly() is null)
        {
            return File.Exists(Upstream) ? $"mount --bind {Upstream} {Configuration} || exit 1\n" : "";
        }

        var own = Path.Combine(folder.Run, "resolv.conf");
        var others = File.ReadLines(Configuration).Where(line => !line.StartsWith("nameserver", StringComparison.Ordinal));
        File.WriteAllLines(own, others.Prepend("nameserver " + subnet.Gateway));
        return $"mount --bind '{own.Replace("'", "'\\''", StringComparison.Ordinal)}' {Configuration} || exit 1\n";
    }

    private static List<string> Read(string path) => File.Exists(path)
        ? [.. File.ReadLines(path).Select(line => line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words is ["nameserver", _, ..]).Select(words => words[1])]
        : [];

    private static bool IsLoopback(string server) => IPAddress.TryParse(server, out var address) && IPAddress.IsLoopback(address);
}
