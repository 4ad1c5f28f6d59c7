using System.Net.Sockets;
using System.Security.Authentication;

namespace Depot.Cli.ControlPlane;

/// <summary>Words for a control plane that does not answer.</summary>
internal static class Unreachable
{
    public static ApiException Because(ApiEndpoint endpoint, Exception problem, bool nothingSent)
    {
        var reason = Reason(problem);
        var text = nothingSent ? $"could not reach {endpoint.Text}: {reason}" : $"the connection to {endpoint.Text} broke: {reason}";
        return new ApiException("unavailable", text, problem) { NothingSent = nothingSent, Remedy = Remedy(endpoint, problem, nothingSent) };
    }

    private static string Remedy(ApiEndpoint endpoint, Exception problem, bool nothingSent) => problem switch
    {
        AuthenticationException => "Is its certificate signed by a CA that this machine trusts? SSL_CERT_FILE names further ones.",
        _ when !nothingSent => "Try again; if it persists, look at the server's log.",
        _ => $"Is the Slipway server running there? Set DEPOT_API_URL to your server's address (this one comes from {endpoint.Source}).",
    };

    /// <summary>The cause without .NET's wrapping; the commonest in the words that every tool uses.</summary>
    public static string Reason(Exception problem) => problem switch
    {
        SocketException socket => socket.SocketErrorCode switch
        {
            SocketError.ConnectionRefused => "connection refused",
            SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => "no such host",
            SocketError.HostUnreachable or SocketError.NetworkUnreachable => "no route to host",
            SocketError.TimedOut => "connection timed out",
            SocketError.ConnectionReset => "connection reset by peer",
            _ => socket.Message,
        },
        TimeoutException or OperationCanceledException => "connection timed out",
        AuthenticationException tls => tls.InnerException?.Message ?? tls.Message,
        { InnerException: SocketException inner } => Reason(inner),
        _ => problem.Message.TrimEnd('.'),
    };
}
