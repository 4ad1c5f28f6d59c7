using System.Net;
using System.Net.Sockets;

namespace Slipway.Server.Trust;

/// <summary>The server's way to issuers: whoever may add a relationship must not reach the server's own network through it.</summary>
/// <remarks>
/// The name is resolved here, every address is judged, and the connection goes to a judged one: a name that resolves differently
/// the second time finds nobody asking. Redirects are not followed. A proxy resolves by itself: behind one, what a name leads to is the proxy's to judge, and
/// only addresses in the URL itself are judged here.
/// </remarks>
internal sealed class IssuerAccess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private readonly HashSet<string> _insecure;
    private readonly HashSet<string> _private;
    private readonly HttpClient _http;
    private readonly IWebProxy? _proxy;

    public IssuerAccess(IEnumerable<string> insecureIssuers, IEnumerable<string> privateIssuers, IWebProxy? proxy = null)
    {
        _proxy = proxy;
        _insecure = insecureIssuers.ToHashSet(StringComparer.Ordinal);
        _private = privateIssuers.ToHashSet(StringComparer.Ordinal);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = proxy is not null,
            Proxy = proxy,
            UseCookies = false,
            ConnectCallback = ConnectAsync,
            MaxResponseHeadersLength = 16,
            PooledConnectionLifetime = TimeSpan.FromMinutes(1),
        };
        _http = new HttpClient(handler) { Timeout = Patience };
    }

    /// <summary>https, or http that the operator allowed by name.</summary>
    public bool Allows(string issuer) => issuer.StartsWith("https://", StringComparison.Ordinal) || _insecure.Contains(issuer);

    /// <summary>Gets a document of at most <paramref name="bytesMax"/> bytes.</summary>
    /// <exception cref="HttpRequestException">There is none, it is too large, or the address may not be asked.</exception>
    public async Task<byte[]> GetAsync(string issuer, string address, int bytesMax, CancellationToken cancellation)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out var url)
            || (url.Scheme != "https" && !(_insecure.Contains(issuer) && url.Scheme == "http" && SameHost(url, new Uri(issuer)))))
        {
            throw new HttpRequestException($"\"{address}\" is not https");
        }

        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        var mayBePrivate = (_insecure.Contains(issuer) || _private.Contains(issuer)) && SameHost(url, new Uri(issuer));
        var throughProxy = GoesThroughProxy(url);
        if (throughProxy && !mayBePrivate && !NamesThePublic(url))
        {
            throw new HttpRequestException($"{url.Host} is not on the public Internet");
        }

        request.Options.Set(MayBePrivate, mayBePrivate || throughProxy);
        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw new HttpRequestException($"{address} answers {(int)response.StatusCode}");
        }

        return await ReadAsync(response, address, bytesMax, cancellation);
    }

    public void Dispose() => _http.Dispose();

    /// <summary>Whether an address is one that everybody on the Internet has: not this machine, this network, or a cloud's metadata service.</summary>
    internal static bool IsPublic(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        var bytes = address.GetAddressBytes();

        // IANA's special-purpose registries (RFC 6890); of IPv6 only 2000::/3 is global, less 6to4 and Teredo, which carry IPv4.
        return address.AddressFamily == AddressFamily.InterNetwork
            ? bytes[0] switch
            {
                0 or 10 or 127 => false,
                100 => bytes[1] is < 64 or > 127,
                169 => bytes[1] != 254,
                172 => bytes[1] is < 16 or > 31,
                192 => bytes[1] != 168 && !(bytes[1] == 0 && bytes[2] is 0 or 2),
                198 => bytes[1] is not (18 or 19) && !(bytes[1] == 51 && bytes[2] == 100),
                203 => !(bytes[1] == 0 && bytes[2] == 113),
                _ => bytes[0] < 224,
            }
            : (bytes[0] & 0xE0) == 0x20 && !(bytes[0] == 0x20 && bytes[1] == 0x02) && !(bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] < 2);
    }

    private static readonly HttpRequestOptionsKey<bool> MayBePrivate = new("slipway.may-be-private");

    private bool GoesThroughProxy(Uri url) => _proxy is { } proxy && !proxy.IsBypassed(url) && proxy.GetProxy(url) is not null;

    private static bool NamesThePublic(Uri url) =>
        IPAddress.TryParse(url.Host.Trim('[', ']'), out var address) ? IsPublic(address) : !url.IsLoopback && url.Host.Contains('.', StringComparison.Ordinal);

    private static bool SameHost(Uri one, Uri other) =>
        one.Scheme == other.Scheme && one.Port == other.Port && string.Equals(one.IdnHost, other.IdnHost, StringComparison.OrdinalIgnoreCase);

    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var host = context.DnsEndPoint.Host;
        var addresses = await Dns.GetHostAddressesAsync(host, cancellation);

        // The handler's own CONNECT goes to the proxy that the operator named; what the proxy is to open was judged before.
        var mayBePrivate = context.InitialRequestMessage.Method == HttpMethod.Connect
            || (context.InitialRequestMessage.Options.TryGetValue(MayBePrivate, out var may) && may);
        if (addresses.Length == 0 || (!mayBePrivate && !addresses.All(IsPublic)))
        {
            throw new HttpRequestException($"{host} is not on the public Internet");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, context.DnsEndPoint.Port, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task<byte[]> ReadAsync(HttpResponseMessage response, string address, int bytesMax, CancellationToken cancellation)
    {
        // The client's own time-out ends with the headers; a body that trickles is cut by the same patience.
        using var slow = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        slow.CancelAfter(Patience);
        await using var body = await response.Content.ReadAsStreamAsync(slow.Token);
        var buffer = new byte[bytesMax + 1];
        var count = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, slow.Token);
        return count <= bytesMax ? buffer[..count] : throw new HttpRequestException($"{address} is larger than {bytesMax} bytes");
    }
}
