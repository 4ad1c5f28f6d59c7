using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Slipway.Contract.Connect;

namespace Slipway.Server.Access;

/// <summary>Where a credential counts: addresses and networks. The empty list is everywhere.</summary>
internal sealed class AddressList
{
    private const int NetworksMax = 100;
    private readonly IPNetwork[] _networks;

    private AddressList(IPNetwork[] networks) => _networks = networks;

    /// <summary>For what the database holds: nothing else got in.</summary>
    public static AddressList Stored(string text) => new([.. Split(text).Select(one => IPNetwork.Parse(one))]);

    /// <summary>What somebody typed, as it is stored: networks in their shortest form, each once, with commas between.</summary>
    /// <exception cref="ApiException">One of them is no network.</exception>
    public static string Check(IEnumerable<string> asked)
    {
        var networks = asked.Select(one => one.Trim()).Where(one => one.Length > 0).Select(Parse).Distinct().ToList();
        return networks.Count <= NetworksMax
            ? string.Join(',', networks)
            : throw new ApiException(ConnectCode.InvalidArgument, $"there are {networks.Count} addresses and networks", $"name at most {NetworksMax}");
    }

    public static IReadOnlyList<string> Split(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Whether a call from this address counts; one whose address is not known does only where every address does.</summary>
    public bool Has(string address) => _networks.Length == 0
        || (IPAddress.TryParse(address, out var caller) && _networks.Any(network => network.Contains(caller)));

    private static IPNetwork Parse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (!IPAddress.TryParse(slash < 0 ? text : text[..slash], out var address) || address.IsIPv4MappedToIPv6 || text.Contains('%', StringComparison.Ordinal)
            || IsShorthand(text, address))
        {
            throw Refuse(text);
        }

        var bits = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var length = bits;
        if (slash >= 0 && !(int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out length) && length <= bits))
        {
            throw Refuse(text);
        }

        var network = new IPNetwork(Masked(address, length), length);
        return network.BaseAddress.Equals(address)
            ? network
            : throw new ApiException(ConnectCode.InvalidArgument, $"{text} is an address inside a network", $"use {network} for the network, {address} for the address alone");
    }

    // inet_aton's forms ("10.1", "0x7f.1", "010.0.0.1") mean other addresses than people think.
    private static bool IsShorthand(string text, IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetwork && text.Split('/')[0] != address.ToString();

    private static IPAddress Masked(IPAddress address, int length)
    {
        var bytes = address.GetAddressBytes();
        for (var bit = length; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        }

        return new IPAddress(bytes);
    }

    private static ApiException Refuse(string text) => new(
        ConnectCode.InvalidArgument, $"\"{text}\" is neither an address nor a network", "use for example 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32");
}
