using System.Globalization;
using System.Net;

namespace Slipway.BuildKit.Proxies;

/// <summary><c>NO_PROXY</c>: where one goes straight.</summary>
/// <remarks>Entries are separated by commas: <c>*</c>; an address or a network (<c>10.0.0.0/8</c>); a name, which stands for its
/// subdomains too; with a leading dot, for these alone. A port after it (<c>host:8080</c>) narrows an entry to that port.</remarks>
internal sealed class ProxyExceptions
{
    private readonly List<IPNetwork> _networks = [];
    private readonly List<(string Name, int? Port)> _hosts = [];
    private bool _all;

    public static ProxyExceptions Parse(string text)
    {
        var exceptions = new ProxyExceptions();
        foreach (var entry in text.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            exceptions.Add(entry.ToLowerInvariant());
        }

        return exceptions;
    }

    public bool Contains(string host, int port)
    {
        var name = host.Trim('[', ']').TrimEnd('.').ToLowerInvariant();
        if (IPAddress.TryParse(name, out var address))
        {
            return _all || IPAddress.IsLoopback(address) || _networks.Exists(network => network.Contains(Plain(address)))
                || _hosts.Exists(entry => entry.Name == name && Fits(entry.Port, port));
        }

        return _all || name == "localhost" || _hosts.Exists(entry => Matches(entry.Name, name) && Fits(entry.Port, port));
    }

    private void Add(string entry)
    {
        if (entry == "*")
        {
            _all = true;
        }
        else if (IPNetwork.TryParse(entry, out var network))
        {
            _networks.Add(network);
        }
        else
        {
            _hosts.Add(Split(entry));
        }
    }

    /// <summary>Takes a port off; an IPv6 address has colons of its own.</summary>
    private static (string Name, int? Port) Split(string entry)
    {
        var colon = entry.LastIndexOf(':');
        var hasPort = colon > 0 && (entry[colon - 1] == ']' || entry.IndexOf(':', StringComparison.Ordinal) == colon)
            && int.TryParse(entry.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out _);
        var name = (hasPort ? entry[..colon] : entry).Trim('[', ']');
        return (name.StartsWith("*.", StringComparison.Ordinal) ? name[1..] : name, hasPort ? int.Parse(entry.AsSpan(colon + 1), CultureInfo.InvariantCulture) : null);
    }

    private static bool Fits(int? wanted, int port) => wanted is null || wanted == port;

    private static bool Matches(string entry, string name) => entry.StartsWith('.')
        ? name.EndsWith(entry, StringComparison.Ordinal)
        : name == entry || (name.EndsWith(entry, StringComparison.Ordinal) && name.Length > entry.Length && name[^(entry.Length + 1)] == '.');

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
