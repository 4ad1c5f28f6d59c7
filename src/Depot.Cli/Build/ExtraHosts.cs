using System.Net;

namespace Depot.Cli.Build;

/// <summary><c>--add-host host:ip</c> as the frontend's <c>add-hosts</c>.</summary>
internal static class ExtraHosts
{
    public static string Format(IEnumerable<string> values) => string.Join(',', values.Select(Parse));

    private static string Parse(string text)
    {
        var at = text.IndexOf('=', StringComparison.Ordinal);
        at = at < 0 ? text.IndexOf(':', StringComparison.Ordinal) : at;
        var (host, address) = at < 0 ? ("", "") : (text[..at], text[(at + 1)..]);
        if (address == "host-gateway")
        {
            throw new CliException("unable to derive the IP value for host-gateway: the build runs on a remote builder")
            {
                Remedy = "Give --add-host the address itself.",
            };
        }

        var bare = address.StartsWith('[') && address.EndsWith(']') ? address[1..^1] : address;
        return host.Length > 0 && IPAddress.TryParse(bare, out _) ? $"{host}={bare}" : throw new CliException($"invalid host {text}");
    }
}
