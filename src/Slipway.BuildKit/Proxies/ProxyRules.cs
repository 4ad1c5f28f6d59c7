using System.Net;

namespace Slipway.BuildKit.Proxies;

/// <summary>Which proxy leads to an address, by the variables that every tool reads.</summary>
/// <remarks>
/// As Go's golang.org/x/net/http/httpproxy does, which Docker and buildx go by: upper case before lower case, <c>host:port</c> means
/// <c>http://host:port</c>, loopback is never proxied. <c>ALL_PROXY</c> stands in for both, as curl has it. A connection that is TLS
/// from its first byte (a builder's) counts as https.
/// </remarks>
public sealed class ProxyRules : IWebProxy, ICredentials
{
    private readonly Uri? _http;
    private readonly Uri? _https;
    private readonly ProxyExceptions _direct;

    private ProxyRules(Uri? http, Uri? https, ProxyExceptions direct) => (_http, _https, _direct) = (http, https, direct);

    public static ProxyRules None { get; } = new(null, null, ProxyExceptions.Parse(""));

    /// <summary>The proxies' own logins, which stand in their addresses.</summary>
    ICredentials? IWebProxy.Credentials
    {
        get => this;
        set => throw new NotSupportedException();
    }

    /// <summary>Reads the variables.</summary>
    /// <exception cref="InputException">One of them is no address of a proxy.</exception>
    public static ProxyRules From(Func<string, string?> variable)
    {
        var all = Read(variable, "ALL_PROXY");
        var http = Read(variable, "HTTP_PROXY") ?? all;
        var https = Read(variable, "HTTPS_PROXY") ?? all;
        return http is null && https is null ? None : new ProxyRules(http, https, ProxyExceptions.Parse(Value(variable, "NO_PROXY").Text));
    }

    /// <summary>The proxy on the way to <paramref name="destination"/>; null when there is none.</summary>
    public Uri? Find(Uri destination)
    {
        var proxy = destination.Scheme == Uri.UriSchemeHttp ? _http : _https;
        return proxy is null || _direct.Contains(destination.IdnHost, destination.Port) ? null : proxy;
    }

    Uri? IWebProxy.GetProxy(Uri destination) => Find(destination);

    bool IWebProxy.IsBypassed(Uri host) => Find(host) is null;

    NetworkCredential? ICredentials.GetCredential(Uri uri, string authType) =>
        new[] { _https, _http }.FirstOrDefault(proxy => proxy is not null && proxy.Authority == uri.Authority) is { } found ? Login(found) : null;

    /// <summary>The user and password in an address; null when there is none.</summary>
    internal static NetworkCredential? Login(Uri proxy)
    {
        if (proxy.UserInfo.Length == 0)
        {
            return null;
        }

        var parts = proxy.UserInfo.Split(':', 2);
        return new NetworkCredential(Uri.UnescapeDataString(parts[0]), parts.Length > 1 ? Uri.UnescapeDataString(parts[1]) : "");
    }

    /// <summary>An address without its login, for error texts.</summary>
    public static string Display(Uri proxy) => $"{proxy.Scheme}://{proxy.Authority}";

    private static Uri? Read(Func<string, string?> variable, string name)
    {
        var (text, source) = Value(variable, name);
        if (text.Length == 0)
        {
            return null;
        }

        return Uri.TryCreate(text.Contains("://", StringComparison.Ordinal) ? text : $"http://{text}", UriKind.Absolute, out var proxy)
            && proxy.Scheme is "http" or "https" or "socks5" or "socks5h" && proxy.Host.Length > 0
            ? proxy
            : throw new InputException($"{source} is not the address of a proxy; write it as http://HOST:PORT, https://… or socks5://…");
    }

    private static (string Text, string Source) Value(Func<string, string?> variable, string name)
    {
        var lower = name.ToLowerInvariant();
        return variable(name) is { Length: > 0 } upper ? (upper, name) : (variable(lower) ?? "", lower);
    }
}
