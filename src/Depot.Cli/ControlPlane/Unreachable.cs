using System.Security.Authentication;
using Slipway.BuildKit.Proxies;

namespace Depot.Cli.ControlPlane;

/// <summary>Words for a control plane that does not answer.</summary>
internal static class Unreachable
{
    public static ApiException Because(ApiEndpoint endpoint, Exception problem, bool nothingSent)
    {
        var reason = ConnectFault.Reason(problem);
        var text = nothingSent ? $"could not reach {endpoint.Text}: {reason}" : $"the connection to {endpoint.Text} broke: {reason}";
        return new ApiException("unavailable", text, problem) { NothingSent = nothingSent, Remedy = Remedy(endpoint, problem, nothingSent) };
    }

    /// <summary>What to do about a proxy, or about TLS, on the way to any server; null where the fault is neither's.</summary>
    public static string? RemedyOnTheWay(Exception? problem) => problem switch
    {
        ProxyException { WantsLogin: true } => "Put its user and password into the proxy's address: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT.",
        ProxyException => "The address of the proxy comes from HTTPS_PROXY, HTTP_PROXY or ALL_PROXY; NO_PROXY names hosts that are reached without it.",
        AuthenticationException tls when ConnectFault.IsNoTls(tls) => null,
        AuthenticationException tls when ConnectFault.IsOfTime(tls) =>
            $"Is this machine's clock right? It says {TimeProvider.System.GetUtcNow():yyyy-MM-dd HH:mm} UTC. If it is, the certificate has to be renewed.",
        AuthenticationException when OperatingSystem.IsLinux() => "Is its certificate signed by a CA that this machine trusts? SSL_CERT_FILE names further ones.",
        AuthenticationException => "Is its certificate signed by a CA that this machine trusts? The system's own list of them counts (on macOS the keychain).",
        _ => null,
    };

    private static string Remedy(ApiEndpoint endpoint, Exception problem, bool nothingSent) => RemedyOnTheWay(problem) ?? problem switch
    {
        AuthenticationException => $"Does the server serve http:// there? The address comes from {endpoint.Source}.",
        _ when !nothingSent => "Try again; if it persists, look at the server's log.",
        _ => $"Is the Slipway server running there? Set DEPOT_API_URL to your server's address (this one comes from {endpoint.Source}).",
    };
}
