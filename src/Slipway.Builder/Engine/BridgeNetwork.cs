using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Slipway.Builder.Engine;

/// <summary>The network of one engine's build steps: a bridge with its own /24, that reaches out and reaches no other engine's.</summary>
/// <remarks>
/// One set of rules serves all engines of all builders on the machine, because a pattern matches every Slipway bridge:
/// <code>
/// nat    POSTROUTING      from the pool, out elsewhere         MASQUERADE
/// filter SLIPWAY-INPUT    in from a bridge, DNS                ACCEPT
///                         in from a bridge                     DROP     this machine's own services
/// filter SLIPWAY-FORWARD  in from a bridge, out on a bridge    DROP     other engines
///                         in from a bridge, to 169.254.0.0/16  DROP     the cloud's metadata service
///                         in from a bridge                     ACCEPT
///                         out on a bridge, answers             ACCEPT
///                         out on a bridge                      DROP
/// </code>
/// They hold for build steps. What the engine itself fetches (images, git, ADD) goes through this machine's own network.
/// </remarks>
internal static class BridgeNetwork
{
    private const string BridgePattern = "slip+";
    private const string ForwardingSwitch = "/proc/sys/net/ipv4/ip_forward";

    private static readonly string[][] OwnChains =
    [
        ["SLIPWAY-INPUT", "-i", BridgePattern, "-p", "udp", "--dport", "53", "-j", "ACCEPT"],
        ["SLIPWAY-INPUT", "-i", BridgePattern, "-p", "tcp", "--dport", "53", "-j", "ACCEPT"],
        ["SLIPWAY-INPUT", "-i", BridgePattern, "-j", "DROP"],
        ["SLIPWAY-FORWARD", "-i", BridgePattern, "-o", BridgePattern, "-j", "DROP"],
        ["SLIPWAY-FORWARD", "-i", BridgePattern, "-d", "169.254.0.0/16", "-j", "DROP"],
        ["SLIPWAY-FORWARD", "-i", BridgePattern, "-j", "ACCEPT"],
        ["SLIPWAY-FORWARD", "-o", BridgePattern, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT"],
        ["SLIPWAY-FORWARD", "-o", BridgePattern, "-j", "DROP"],
    ];

    /// <summary>Makes the bridge and its rules, or finds them in place.</summary>
    public static async Task CreateAsync(EngineFolder folder, BuilderOptions options, CancellationToken cancellation)
    {
        using var turn = await LockAsync(cancellation);
        var bridge = folder.BridgeName;
        if (AddressOf(bridge) is not { } subnet)
        {
            subnet = PickFree(folder, options);
            if (NetworkInterface.GetAllNetworkInterfaces().All(card => card.Name != bridge))
            {
                await RequireAsync(options, "ip", ["link", "add", bridge, "type", "bridge"], cancellation);
            }

            await RequireAsync(options, "ip", ["addr", "add", Gateway(subnet), "dev", bridge], cancellation);
        }

        await RequireAsync(options, "ip", ["link", "set", bridge, "up"], cancellation);
        await AddRulesAsync(options, cancellation);
        if ((await File.ReadAllTextAsync(ForwardingSwitch, cancellation)).Trim() == "0")
        {
            await File.WriteAllTextAsync(ForwardingSwitch, "1", cancellation);
        }
    }

    /// <summary>A free network in gateway form (<c>10.213.7.1/24</c>) for an engine that makes its bridge itself.</summary>
    public static async Task<string> PickSubnetAsync(EngineFolder folder, BuilderOptions options, CancellationToken cancellation)
    {
        using var turn = await LockAsync(cancellation);
        return Gateway(AddressOf(folder.BridgeName) ?? PickFree(folder, options));
    }

    /// <summary>Takes the bridge away, and with the last bridge the rules; nothing happens where there is none.</summary>
    public static async Task RemoveAsync(EngineFolder folder, BuilderOptions options, CancellationToken cancellation)
    {
        if (NetworkInterface.GetAllNetworkInterfaces().All(card => card.Name != folder.BridgeName))
        {
            return;
        }

        using var turn = await LockAsync(cancellation);
        await RequireAsync(options, "ip", ["link", "del", folder.BridgeName], cancellation);
        if (!NetworkInterface.GetAllNetworkInterfaces().Any(card => card.Name.StartsWith(BridgePattern[..^1], StringComparison.Ordinal)))
        {
            await RemoveRulesAsync(options, cancellation);
        }
    }

    /// <summary>The MTU of the way out: a bridge keeps 1500 behind a smaller uplink unless told.</summary>
    public static int UplinkMtu()
    {
        var uplink = File.ReadLines("/proc/net/route").Skip(1).Select(line => line.Split('\t', StringSplitOptions.TrimEntries))
            .Where(columns => columns.Length > 7 && columns[1] == "00000000").Select(columns => columns[0]).FirstOrDefault();
        return uplink is not null && File.Exists($"/sys/class/net/{uplink}/mtu")
            ? int.Parse(File.ReadAllText($"/sys/class/net/{uplink}/mtu"), CultureInfo.InvariantCulture)
            : 1500;
    }

    private static string[] Masquerade(BuilderOptions options) =>
        ["-s", options.BridgePool, "!", "-o", BridgePattern, "-j", "MASQUERADE"];

    private static async Task AddRulesAsync(BuilderOptions options, CancellationToken cancellation)
    {
        foreach (var chain in OwnChains.Select(rule => rule[0]).Distinct())
        {
            // Fails when the chain is there, which is as good.
            await IptablesAsync(options, ["-N", chain], cancellation);
        }

        foreach (var rule in OwnChains)
        {
            await EnsureRuleAsync(options, [], "-A", rule, cancellation);
        }

        await EnsureRuleAsync(options, [], "-I", ["INPUT", "-j", "SLIPWAY-INPUT"], cancellation);
        await EnsureRuleAsync(options, [], "-I", ["FORWARD", "-j", "SLIPWAY-FORWARD"], cancellation);
        await EnsureRuleAsync(options, ["-t", "nat"], "-I", ["POSTROUTING", .. Masquerade(options)], cancellation);
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
    private static IPNetwork PickFree(EngineFolder folder, BuilderOptions options)
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
                return new IPNetwork(Address(candidate), 24);
            }
        }

        throw new EngineException($"no free /24 is left in the bridge pool {options.BridgePool}; give the builder another one");
    }

    private static bool Overlaps(IPNetwork network, uint candidate)
    {
        var mask = network.PrefixLength == 0 ? 0 : uint.MaxValue << (32 - Math.Min(network.PrefixLength, 24));
        return (Number(network.BaseAddress) & mask) == (candidate & mask);
    }

    private static IPNetwork? AddressOf(string card) =>
        Unicast(NetworkInterface.GetAllNetworkInterfaces().Where(found => found.Name == card)).Select(network => (IPNetwork?)network).FirstOrDefault();

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

    private static string Gateway(IPNetwork subnet) => Address(Number(subnet.BaseAddress) + 1) + "/24";

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
