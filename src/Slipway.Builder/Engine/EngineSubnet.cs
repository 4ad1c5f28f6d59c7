using System.Globalization;

namespace Slipway.Builder.Engine;

/// <summary>One engine's /24: the lower half joins its namespace to this machine, the upper half is for its build steps.</summary>
/// <param name="Gateway">This machine's end.</param>
/// <param name="Address">The engine's end.</param>
/// <param name="StepGateway">What build steps that have a network of their own see as their router: the engine.</param>
internal sealed record EngineSubnet(string Gateway, string Address, string StepGateway, int Mtu)
{
    /// <summary>The name of the engine's end, in its namespace.</summary>
    public const string Card = "eth0";

    /// <summary>The steps' router with its network's length.</summary>
    public string StepNetwork => StepGateway + "/25";

    /// <summary>Shell commands that set the network up from the inside, before the engine starts there.</summary>
    public string Preamble(BuilderOptions options) => string.Join(" && ", Commands(options)) + " || exit 1\n";

    private IEnumerable<string> Commands(BuilderOptions options)
    {
        yield return "ip link set lo up";
        foreach (var card in (string[])["default", Card])
        {
            // Before the card is up, so that it never has an address; "default" is for the cards of build steps.
            var off = EngineNetwork.IPv6Switch(card);
            yield return $"{{ [ ! -e {off} ] || echo 1 >{off}; }}";
        }

        yield return $"ip addr add {Address}/25 dev {Card}";
        yield return $"ip link set {Card} up";
        yield return $"ip route add default via {Gateway}";
        yield return "echo 1 >/proc/sys/net/ipv4/ip_forward";
        if (options.HostPorts.Count > 0)
        {
            // What the engine sends to its own loopback goes to this machine's; its steps are not let through to it.
            yield return "echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet";
            yield return $"iptables -w 10 -t nat -A POSTROUTING -s 127.0.0.0/8 -o {Card} -j MASQUERADE";
            yield return $"iptables -w 10 -t raw -A PREROUTING ! -i {Card} -d {Gateway} -p tcp ! --dport 53 -j DROP";
        }

        foreach (var port in options.HostPorts)
        {
            var which = port == BuilderOptions.AllPorts ? "" : string.Create(CultureInfo.InvariantCulture, $" --dport {port}");
            yield return $"iptables -w 10 -t nat -A OUTPUT -d 127.0.0.0/8 -p tcp{which} -j DNAT --to-destination {Gateway}";
        }
    }
}
