using System.Net;

namespace Depot.Cli.ControlPlane;

/// <summary>Chooses the way to a control plane.</summary>
internal static class ApiTransports
{
    /// <summary>http:// is HTTP/2 with prior knowledge, as the published client speaks it; https:// is what the server's ALPN chooses.</summary>
    public static IApiTransport For(ApiEndpoint endpoint, bool throughProxy, TimeSpan connectTimeout, TimeProvider clock) => throughProxy
        ? new HttpClientTransport(endpoint, HttpVersion.Version20, connectTimeout)
        : new Http2Transport(endpoint, connectTimeout, clock);
}
