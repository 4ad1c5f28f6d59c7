using Slipway.BuildKit;

namespace Slipway.Bake.Definition;

/// <summary>What <c>--allow</c> permits: a definition may come from somebody else, so it does not open every file by itself.</summary>
internal sealed class Grants
{
    public bool HostNetwork { get; private set; }

    public bool Insecure { get; private set; }

    public bool Agent { get; private set; }

    public bool AllDevices { get; private set; }

    public HashSet<string> Devices { get; } = new(StringComparer.Ordinal);

    public List<string> Read { get; } = [];

    public List<string> Write { get; } = [];

    /// <exception cref="BakeException">There is no such permission.</exception>
    public static Grants Parse(IEnumerable<string> flags)
    {
        var grants = new Grants();
        foreach (var flag in flags)
        {
            grants.Add(flag);
        }

        return grants;
    }

    /// <summary>Entitlements that the command line itself asks for.</summary>
    public void Allow(IEnumerable<string> entitlements)
    {
        foreach (var entitlement in entitlements)
        {
            HostNetwork |= entitlement == "network.host";
            Insecure |= entitlement == "security.insecure";
        }
    }

    private void Add(string flag)
    {
        var equals = flag.IndexOf('=', StringComparison.Ordinal);
        var (key, value) = equals < 0 ? (flag, "") : (flag[..equals], flag[(equals + 1)..]);
        switch (key)
        {
            case "network.host" when equals < 0:
                HostNetwork = true;
                break;
            case "security.insecure" when equals < 0:
                Insecure = true;
                break;
            case "ssh" when equals < 0:
                Agent = true;
                break;
            case "device":
                AllDevices |= value.Length == 0;
                _ = value.Length > 0 && Devices.Add(Device(value));
                break;
            case "fs" or "fs.read" or "fs.write":
                Read.AddRange(key == "fs.write" ? [] : [value]);
                Write.AddRange(key == "fs.read" ? [] : [value]);
                break;
            case "image" or "image.push" or "image.load":
                break;
            default:
                throw new BakeException($"unknown entitlement key \"{key}\"");
        }
    }

    /// <summary>The name of the device, without what is said about it.</summary>
    public static string Device(string value)
    {
        try
        {
            return CsvFields.Parse(value)[0];
        }
        catch (InputException problem)
        {
            throw new BakeException($"failed to parse device entitlement \"{value}\": {problem.Message}", problem);
        }
    }
}
