using System.Net;
using System.Numerics;
using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary>Address arithmetic.</summary>
internal static class NetworkFunctions
{
    private const int NewBitsMax = 32;

    public static void AddTo(FunctionTable table)
    {
        var prefix = FunctionTable.Text("prefix");
        table.Define("cidrhost", args => HclValue.Of(Host(Parse(args[0].Text), args[1].Number)), prefix, FunctionTable.Number("hostnum"));
        table.Define("cidrnetmask", args => HclValue.Of(Netmask(Parse(args[0].Text))), prefix);
        table.Define("cidrsubnet", args => HclValue.Of(Subnet(Parse(args[0].Text), FunctionTable.Whole(args[1], 1), args[2].Number).ToString()),
            prefix, FunctionTable.Number("newbits"), FunctionTable.Number("netnum"));
        table.DefineVariadic("cidrsubnets", Subnets, FunctionTable.Number("newbits"), prefix);
    }

    private static IPNetwork Parse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !IPAddress.TryParse(text.AsSpan(0, slash), out var address) || !int.TryParse(text.AsSpan(slash + 1), out var length)
            || length < 0 || length > address.GetAddressBytes().Length * 8)
        {
            throw new FunctionException($"invalid CIDR expression: invalid CIDR address: {text}");
        }

        var bits = address.GetAddressBytes().Length * 8;
        return new IPNetwork(Address(Value(address) >> (bits - length) << (bits - length), bits), length);
    }

    private static BigInteger Value(IPAddress address) => new(address.GetAddressBytes(), isUnsigned: true, isBigEndian: true);

    private static IPAddress Address(BigInteger value, int bits)
    {
        var bytes = new byte[bits / 8];
        var given = value.ToByteArray(isUnsigned: true, isBigEndian: true);
        given.AsSpan(Math.Max(0, given.Length - bytes.Length)).CopyTo(bytes.AsSpan(Math.Max(0, bytes.Length - given.Length)));
        return new IPAddress(bytes);
    }

    private static int Bits(IPNetwork network) => network.BaseAddress.GetAddressBytes().Length * 8;

    private static string Host(IPNetwork network, HclNumber number)
    {
        var wanted = number.IsInteger ? number.ToInteger() : throw new FunctionException("a whole number is required", 1);
        var size = BigInteger.One << (Bits(network) - network.PrefixLength);
        if (wanted >= size || wanted < -size)
        {
            throw new FunctionException($"prefix of {network.PrefixLength} does not accommodate a host numbered {wanted}");
        }

        return Address(Value(network.BaseAddress) + (wanted < 0 ? size + wanted : wanted), Bits(network)).ToString();
    }

    private static string Netmask(IPNetwork network)
    {
        var bits = Bits(network);
        return Address(((BigInteger.One << network.PrefixLength) - 1) << (bits - network.PrefixLength), bits).ToString();
    }

    private static IPNetwork Subnet(IPNetwork network, int newBits, HclNumber number)
    {
        if (newBits > NewBitsMax)
        {
            throw new FunctionException($"may not extend prefix by more than {NewBitsMax} bits");
        }

        var length = network.PrefixLength + newBits;
        if (newBits < 0 || length > Bits(network))
        {
            throw new FunctionException($"insufficient address space to extend prefix of {network.PrefixLength} by {newBits}");
        }

        var wanted = number.IsInteger ? number.ToInteger() : throw new FunctionException("a whole number is required", 2);
        if (wanted < 0 || wanted >= BigInteger.One << newBits)
        {
            throw new FunctionException($"prefix extension of {newBits} does not accommodate a subnet numbered {wanted}");
        }

        return new IPNetwork(Address(Value(network.BaseAddress) + (wanted << (Bits(network) - length)), Bits(network)), length);
    }

    /// <summary>One after the other, each aligned to its own size.</summary>
    private static HclValue Subnets(IReadOnlyList<HclValue> args)
    {
        var network = Parse(args[0].Text);
        var bits = Bits(network);
        var next = Value(network.BaseAddress);
        var end = next + (BigInteger.One << (bits - network.PrefixLength));
        var subnets = new List<string>();
        for (var i = 1; i < args.Count; i++)
        {
            var length = Extended(network, FunctionTable.Whole(args[i], i), bits, i);
            var size = BigInteger.One << (bits - length);
            var start = (next + size - 1) / size * size;
            if (start + size > end)
            {
                throw new FunctionException($"not enough remaining address space for a subnet with a prefix of {length} bits{(subnets.Count > 0 ? $" after {subnets[^1]}" : "")}", i);
            }

            subnets.Add($"{Address(start, bits)}/{length}");
            next = start + size;
        }

        return HclValue.Strings(subnets);
    }

    private static int Extended(IPNetwork network, int newBits, int bits, int argument)
    {
        var length = network.PrefixLength + newBits;
        return newBits < 1 ? throw new FunctionException("must extend prefix by at least one bit", argument)
            : newBits > NewBitsMax ? throw new FunctionException($"may not extend prefix by more than {NewBitsMax} bits", argument)
            : length > bits ? throw new FunctionException($"would extend prefix to {length} bits, which is too long for an {(bits == 32 ? "IPv4" : "IPv6")} address", argument)
            : length;
    }
}
