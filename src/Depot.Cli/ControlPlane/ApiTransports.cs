using System.Net;
using Slipway.BuildKit.Proxies;

namespace Depot.Cli.ControlPlane;

/// <summary>Chooses the way to a control plane.</summary>
internal static class ApiTransports
{
    /// <summary>http:// is HTTP/2 with prior knowledge, as the published client speaks it; https:// is what the server's ALPN chooses.</summary>
    /// <remarks>A proxy passes cleartext on as HTTP/1.1 only; TLS goes through its tunnel as it is.</remarks>
    public static IApiTransport For(ApiEndpoint endpoint, ProxyRules proxies, TimeSpan connectTimeout, TimeProvider clock) =>
        !endpoint.IsTls && proxies.Find(endpoint.Base) is not null
            ? new HttpClientTransport(endpoint, HttpVersion.Version11, proxies, connectTimeout)
            : new Http2Transport(endpoint, proxies, connectTimeout, clock);
}
