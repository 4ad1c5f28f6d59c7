using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Slipway.Builder.Engine;

/// <summary>The network of one engine: a namespace of its own with one way out, that reaches no other engine and not this machine.</summary>
/// <remarks>
/// Much of a build runs in the engine and not in its steps: image pulls, git, <c>ADD https://…</c>, cache import. So the engine itself is
/// fenced, and its steps with it. One veth pair joins the namespace to this machine; one set of rules serves all engines of all builders
/// here, because a pattern matches every Slipway interface:
/// <code>
/// nat    POSTROUTING      from the pool, out elsewhere              MASQUERADE
/// filter SLIPWAY-INPUT    in from an engine, DNS                    ACCEPT
///                         in from an engine                         REJECT   this machine's own services
/// filter SLIPWAY-FORWARD  in from an engine, out to an engine       REJECT
///                         in from an engine, to 169.254.0.0/16, DNS ACCEPT   some clouds' resolver
///                         in from an engine, to 169.254.0.0/16      REJECT   the cloud's metadata service
///                         in from an engine                         ACCEPT
///                         out to an engine, answers                 ACCEPT
///                         out to an engine                          DROP
/// </code>
/// The rules know IPv4 only, so neither end has IPv6: a card's own link-local address would lead to every service here that listens on <c>::</c>.
/// Ports of this machine that the operator opens (<see cref="BuilderOptions.HostPorts"/>) get rules of the engine's own in front of them;
/// the gateway's address then stands for this machine's loopback, and the namespace's loopback is led there.
/// </remarks>
internal static class EngineNetwork
{
    private const string CardPattern = "slip+";
    private const string ForwardingSwitch = "/proc/sys/net/ipv4/ip_forward";
    private const string Loopback = "127.0.0.1";

    /// <summary>"connection refused" at once, instead of a build step that waits for minutes.</summary>
    private const string Refusal = "icmp-port-unreachable";

    /// <summary>As iptables itself writes them, so that one look tells whether all are there.</summary>
    private static readonly string[][] OwnChains =
    [
        ["SLIPWAY-INPUT", "-i", CardPattern, "-p", "udp", "-m", "udp", "--dport", "53", "-j", "ACCEPT"],
        ["SLIPWAY-INPUT", "-i", CardPattern, "-p", "tcp", "-m", "tcp", "--dport", "53", "-j", "ACCEPT"],
        ["SLIPWAY-INPUT", "-i", CardPattern, "-j", "REJECT", "--reject-with", Refusal],
        ["SLIPWAY-FORWARD", "-i", CardPattern, "-o", CardPattern, "-j", "REJECT", "--reject-with", Refusal],
        ["SLIPWAY-FORWARD", "-d", "169.254.0.0/16", "-i", CardPattern, "-p", "udp", "-m", "udp", "--dport", "53", "-j", "ACCEPT"],
        ["SLIPWAY-FORWARD", "-d", "169.254.0.0/16", "-i", CardPattern, "-p", "tcp", "-m", "tcp", "--dport", "53", "-j", "ACCEPT"],
        ["SLIPWAY-FORWARD", "-d", "169.254.0.0/16", "-i", CardPattern, "-j", "REJECT", "--reject-with", Refusal],
        ["SLIPWAY-FORWARD", "-i", CardPattern, "-j", "ACCEPT"],
        ["SLIPWAY-FORWARD", "-o", CardPattern, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT"],
        ["SLIPWAY-FORWARD", "-o", CardPattern, "-j", "DROP"],
    ];

    /// <summary>Makes the namespace, the way out of it, and the rules.</summary>
    public static async Task<EngineSubnet> CreateAsync(EngineFolder folder, BuilderOptions options, CancellationToken cancellation)
    {
        using var turn = await LockAsync(cancellation);
        await RemovePartsAsync(folder, options, cancellation);
        var name = folder.NetworkName;
        var subnet = PickFree(folder, options);
        var mtu = subnet.Mtu.ToString(CultureInfo.InvariantCulture);
        await RequireAsync(options, "ip", ["netns", "add", name], cancellation);
        await RequireAsync(
            options, "ip", ["link", "add", name, "mtu", mtu, "type", "veth", "peer", "name", EngineSubnet.Card, "mtu", mtu, "netns", name], cancellation);
        if (File.Exists(IPv6Switch(name)))
        {
            await File.WriteAllTextAsync(IPv6Switch(name), "1", cancellation);
        }

        await RequireAsync(options, "ip", ["addr", "add", subnet.Gateway + "/24", "dev", name], cancellation);
        await RequireAsync(options, "ip", ["link", "set", name, "up"], cancellation);
        await AddRulesAsync(options, cancellation);
        await OpenPortsAsync(folder, subnet, options, cancellation);
        if ((await File.ReadAllTextAsync(ForwardingSwitch, cancellation)).Trim() == "0")
        {
            await File.WriteAllTextAsync(ForwardingSwitch, "1", cancellation);
        }

        return subnet;
    }

    /// <summary>Takes the network away, and with the last one the rules; nothing happens where there is none.</summary>
    public static async Task RemoveAsync(EngineFolder folder, BuilderOptions options, CancellationToken cancellation)
    {
        if (!HasParts(folder))
        {
            return;
        }

        using var turn = await LockAsync(cancellation);
        await RemovePartsAsync(folder, options, cancellation);
        if (!NetworkInterface.GetAllNetworkInterfaces().Any(card => card.Name.StartsWith(CardPattern[..^1], StringComparison.Ordinal)))
        {
            await RemoveRulesAsync(options, cancellation);
        }
    }

    /// <summary>Where <c>ip netns</c> keeps the namespace.</summary>
    public static string PathOf(EngineFolder folder) => "/run/netns/" + folder.NetworkName;

    /// <summary>Absent where the kernel has no IPv6 at all.</summary>
    public static string IPv6Switch(string card) => $"/proc/sys/net/ipv6/conf/{card}/disable_ipv6";

    // Asked of the kernel: /sys shows the cards of whoever mounted it, which in a container need not be this network.
    private static bool HasCard(EngineFolder folder) => NetworkInterface.GetAllNetworkInterfaces().Any(card => card.Name == folder.NetworkName);

    private static bool HasParts(EngineFolder folder) => HasCard(folder) || File.Exists(PathOf(folder));

    /// <summary>Also what an earlier release or a killed builder left: a bridge of the same name, a namespace, rules of other ports.</summary>
    private static async Task RemovePartsAsync(EngineFolder folder, BuilderOptions options, CancellationToken cancellation)
    {
        if (!HasParts(folder))
        {
            return;
        }

        if (HasCard(folder))
        {
            await RequireAsync(options, "ip", ["link", "del", folder.NetworkName], cancellation);
        }

        if (File.Exists(PathOf(folder)))
        {
            await RequireAsync(options, "ip", ["netns", "del", folder.NetworkName], cancellation);
        }

        await RemoveOwnRulesAsync(folder, options, [], "SLIPWAY-INPUT", cancellation);
        await RemoveOwnRulesAsync(folder, options, ["-t", "nat"], "PREROUTING", cancellation);
    }

    /// <summary>The rules that name this engine's card, as iptables itself writes them.</summary>
    private static async Task RemoveOwnRulesAsync(
        EngineFolder folder, BuilderOptions options, string[] table, string chain, CancellationToken cancellation)
    {
        var listed = await IptablesAsync(options, [.. table, "-S", chain], cancellation);
        foreach (var rule in listed.Output.Split('\n').Where(rule => rule.Contains($" -i {folder.NetworkName} ", StringComparison.Ordinal)))
        {
            await IptablesAsync(options, [.. table, "-D", .. rule.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..]], cancellation);
        }
    }

    private static async Task OpenPortsAsync(EngineFolder folder, EngineSubnet subnet, BuilderOptions options, CancellationToken cancellation)
    {
        var resolver = NameServers.LoopbackOnly();
        if (options.HostPorts.Count == 0 && resolver is null)
        {
            return;
        }

        // Packets from an engine's card may then be for 127.0.0.1; the rules say which.
        await File.WriteAllTextAsync($"/proc/sys/net/ipv4/conf/{folder.NetworkName}/route_localnet", "1", cancellation);
        string[] own = ["-i", folder.NetworkName];
        foreach (var port in options.HostPorts)
        {
            string[] which = ["-p", "tcp", .. port == BuilderOptions.AllPorts ? Array.Empty<string>() : ["--dport", port]];
            await RequireAsync(options, "iptables", ["-w", "10", "-I", "SLIPWAY-INPUT", .. own, .. which, "-j", "ACCEPT"], cancellation);
            await LeadToLoopbackAsync(options, [.. own, "-d", subnet.Gateway, .. which], Loopback, cancellation);
        }

        foreach (var protocol in resolver is null ? Array.Empty<string>() : ["udp", "tcp"])
        {
            await LeadToLoopbackAsync(options, [.. own, "-d", subnet.Gateway, "-p", protocol, "--dport", "53"], resolver!, cancellation);
        }
    }

    private static Task LeadToLoopbackAsync(BuilderOptions options, string[] packets, string address, CancellationToken cancellation) => RequireAsync(
        options, "iptables", ["-w", "10", "-t", "nat", "-I", "PREROUTING", .. packets, "-j", "DNAT", "--to-destination", address], cancellation);

    /// <summary>The MTU of the way out: a virtual card keeps 1500 behind a smaller uplink unless told.</summary>
    private static int UplinkMtu()
    {
        var uplink = File.ReadLines("/proc/net/route").Skip(1).Select(line => line.Split('\t', StringSplitOptions.TrimEntries))
            .Where(columns => columns.Length > 7 && columns[1] == "00000000").Select(columns => columns[0]).FirstOrDefault();
        return uplink is not null && File.Exists($"/sys/class/net/{uplink}/mtu")
            ? int.Parse(File.ReadAllText($"/sys/class/net/{uplink}/mtu"), CultureInfo.InvariantCulture)
            : 1500;
    }

    private static string[] Masquerade(BuilderOptions options) =>
        ["-s", options.BridgePool, "!", "-o", CardPattern, "-j", "MASQUERADE"];

    private static async Task AddRulesAsync(BuilderOptions options, CancellationToken cancellation)
    {
        string[][] entries = [["INPUT", "-j", "SLIPWAY-INPUT"], ["FORWARD", "-j", "SLIPWAY-FORWARD"]];
        string[] way = ["POSTROUTING", .. Masquerade(options)];
        var listed = (await IptablesAsync(options, ["-S"], cancellation)).Output + (await IptablesAsync(options, ["-t", "nat", "-S", way[0]], cancellation)).Output;
        if (OwnChains.Concat([.. entries, way]).All(rule => listed.Contains($"-A {string.Join(' ', rule)}\n", StringComparison.Ordinal)))
        {
            return;
        }

        foreach (var chain in OwnChains.Select(rule => rule[0]).Distinct())
        {
            // Fails when the chain is there, which is as good.
            await IptablesAsync(options, ["-N", chain], cancellation);
        }

        foreach (var rule in OwnChains)
        {
            await EnsureRuleAsync(options, [], "-A", rule, cancellation);
        }

        foreach (var entry in entries)
        {
            await EnsureRuleAsync(options, [], "-I", entry, cancellation);
        }

        await EnsureRuleAsync(options, ["-t", "nat"], "-I", way, cancellation);
    }

    private static async Task RemoveRulesAsync(BuilderOptions options, CancellationToken cancellation)
    {
        await IptablesAsync(options, ["-t", "nat", "-D", "POSTROUTING", .. Masquerade(options)], cancellation);
        await IptablesAsync(options, ["-D", "INPUT", "-j", "SLIPWAY-INPUT"], cancellation);
        await IptablesAsync(options, ["-D", "FORWARD", "-j", "SLIPWAY-FORWARD"], cancellation);
        foreach (var chain in OwnChains.Select(rule => rule[0]).Distinct())
        {
            await IptablesAsync(options, ["-F", chain], cancellation);
            await IptablesAsync(options, ["-X", chain], cancellation);
        }
    }

    private static async Task EnsureRuleAsync(BuilderOptions options, string[] table, string verb, string[] rule, CancellationToken cancellation)
    {
        if ((await IptablesAsync(options, [.. table, "-C", .. rule], cancellation)).Code != 0)
        {
            await RequireAsync(options, "iptables", ["-w", "10", .. table, verb, .. rule], cancellation);
        }
    }

    private static Task<ShortCommand.Answer> IptablesAsync(BuilderOptions options, string[] arguments, CancellationToken cancellation) =>
        ShortCommand.RunAsync(Locate(options, "iptables"), ["-w", "10", .. arguments], cancellation);

    /// <summary>The first /24 of the pool that touches no address and no route of this machine, beginning at a place of the engine's own,
    /// so that engines keep their networks where they can.</summary>
    private static EngineSubnet PickFree(EngineFolder folder, BuilderOptions options)
    {
        var pool = IPNetwork.Parse(options.BridgePool);
        var count = 1u << (24 - pool.PrefixLength);
        var first = Convert.ToUInt32(folder.Id, 16) % count;
        var taken = Addresses().Concat(Routes()).ToArray();
        var start = Number(pool.BaseAddress);
        for (uint i = 0; i < count; i++)
        {
            var candidate = start + (((first + i) % count) << 8);
            if (!Array.Exists(taken, network => Overlaps(network, candidate)))
            {
                return new EngineSubnet(Address(candidate + 1).ToString(), Address(candidate + 2).ToString(), Address(candidate + 129).ToString(), UplinkMtu());
            }
        }

        throw new EngineException($"no free /24 is left in the network pool {options.BridgePool}; give the builder another one");
    }

    private static bool Overlaps(IPNetwork network, uint candidate)
    {
        var mask = network.PrefixLength == 0 ? 0 : uint.MaxValue << (32 - Math.Min(network.PrefixLength, 24));
        return (Number(network.BaseAddress) & mask) == (candidate & mask);
    }

    private static IEnumerable<IPNetwork> Addresses() => Unicast(NetworkInterface.GetAllNetworkInterfaces());

    private static IEnumerable<IPNetwork> Unicast(IEnumerable<NetworkInterface> cards) =>
        from card in cards
        from address in card.GetIPProperties().UnicastAddresses
        where address.Address.AddressFamily == AddressFamily.InterNetwork
        let mask = address.PrefixLength == 0 ? 0 : uint.MaxValue << (32 - address.PrefixLength)
        select new IPNetwork(Address(Number(address.Address) & mask), address.PrefixLength);

    /// <summary>/proc/net/route: destination in column 1 and mask in column 7, hexadecimal, in host (little-endian) order.</summary>
    private static IEnumerable<IPNetwork> Routes()
    {
        foreach (var line in File.ReadLines("/proc/net/route").Skip(1))
        {
            var columns = line.Split('\t', StringSplitOptions.TrimEntries);
            if (columns.Length > 7
                && uint.TryParse(columns[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var destination)
                && uint.TryParse(columns[7], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var mask) && mask != 0)
            {
                yield return new IPNetwork(
                    Address(BinaryPrimitives.ReverseEndianness(destination)), System.Numerics.BitOperations.PopCount(mask));
            }
        }
    }

    private static uint Number(IPAddress address) => BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes());

    private static IPAddress Address(uint number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        return new IPAddress(bytes);
    }

    private static string Locate(BuilderOptions options, string name) => ShortCommand.Find(name, options.SearchPath)
        ?? throw new EngineException($"{name} was found nowhere in {options.SearchPath}; run ./quickstart or install it");

    private static async Task<string> RequireAsync(BuilderOptions options, string name, string[] arguments, CancellationToken cancellation)
    {
        var answer = await ShortCommand.RunAsync(Locate(options, name), arguments, cancellation);
        return answer.Code == 0
            ? answer.Output
            : throw new EngineException($"the network of the build engine cannot be set up: {name} {string.Join(' ', arguments)}: {answer.Error}");
    }

    /// <summary>One engine picks its network at a time, over all builders of this machine.</summary>
    private static async Task<IDisposable> LockAsync(CancellationToken cancellation)
    {
        var path = Path.Combine(Path.GetTempPath(), $"slipway-network-{Libc.EffectiveUserId()}.lock");
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            }
            catch (IOException) when (attempt < 200)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, cancellation);
            }
        }
    }
}
