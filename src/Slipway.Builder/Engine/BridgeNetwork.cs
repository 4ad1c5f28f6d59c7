using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Slipway.Builder.Engine;

/// <summary>The network of one engine's build steps: a bridge with its own /24, that reaches out and reaches no other engine's.</summary>
/// <remarks>
/// Rules, all marked with a comment that names the engine, so that those of a killed run are found again:
/// <code>
/// nat    POSTROUTING  from the bridge's network, out elsewhere     MASQUERADE
/// filter INPUT        in from the bridge, to the pool              DROP     this machine's own address on any bridge
/// filter FORWARD      in from the bridge, to 169.254.0.0/16        DROP     the cloud's metadata service
///                     in from the bridge, out on a Slipway bridge  DROP
///                     in from the bridge                           ACCEPT
///                     out on the bridge, answers                   ACCEPT
/// </code>
/// </remarks>
internal static class BridgeNetwork
{
    private const string BridgePattern = "slip+";
    private const string ForwardingSwitch = "/proc/sys/net/ipv4/ip_forward";

    private static readonly string[] Tables = ["filter", "nat"];

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
        await RemoveRulesAsync(folder, options, cancellation);
        foreach (var rule in Rules(folder, subnet, options))
        {
            await RequireAsync(options, "iptables", ["-w", "10", .. rule, "-m", "comment", "--comment", folder.CgroupName], cancellation);
        }

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

    /// <summary>Takes the rules and the bridge away; nothing happens where there are none.</summary>
    public static async Task RemoveAsync(EngineFolder folder, BuilderOptions options, CancellationToken cancellation)
    {
        if (NetworkInterface.GetAllNetworkInterfaces().All(card => card.Name != folder.BridgeName))
        {
            return;
        }

        using var turn = await LockAsync(cancellation);
        await RemoveRulesAsync(folder, options, cancellation);
        await RequireAsync(options, "ip", ["link", "del", folder.BridgeName], cancellation);
    }

    private static string[][] Rules(EngineFolder folder, IPNetwork subnet, BuilderOptions options)
    {
        var bridge = folder.BridgeName;
        // -I puts each on top of the one before it: read upwards.
        return
        [
            ["-I", "FORWARD", "-o", bridge, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT"],
            ["-I", "FORWARD", "-i", bridge, "-j", "ACCEPT"],
            ["-I", "FORWARD", "-i", bridge, "-o", BridgePattern, "-j", "DROP"],
            ["-I", "FORWARD", "-i", bridge, "-d", "169.254.0.0/16", "-j", "DROP"],
            ["-I", "INPUT", "-i", bridge, "-d", options.BridgePool, "-j", "DROP"],
            ["-t", "nat", "-I", "POSTROUTING", "-s", subnet.ToString(), "!", "-o", bridge, "-j", "MASQUERADE"],
        ];
    }

    private static async Task RemoveRulesAsync(EngineFolder folder, BuilderOptions options, CancellationToken cancellation)
    {
        foreach (var table in Tables)
        {
            var listing = await RequireAsync(options, "iptables", ["-w", "10", "-t", table, "-S"], cancellation);
            foreach (var rule in listing.Split('\n').Where(line => line.StartsWith("-A ", StringComparison.Ordinal)))
            {
                var words = rule.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (words.Contains(folder.CgroupName))
                {
                    await RequireAsync(options, "iptables", ["-w", "10", "-t", table, "-D", .. words[1..]], cancellation);
                }
            }
        }
    }

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

    private static async Task<string> RequireAsync(BuilderOptions options, string name, string[] arguments, CancellationToken cancellation)
    {
        var program = ShortCommand.Find(name, options.SearchPath)
            ?? throw new EngineException($"{name} was found nowhere in {options.SearchPath}; run ./quickstart or install it");
        var answer = await ShortCommand.RunAsync(program, arguments, cancellation);
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
