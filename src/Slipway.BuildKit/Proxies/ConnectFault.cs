using System.Net.Sockets;
using System.Security.Authentication;

namespace Slipway.BuildKit.Proxies;

/// <summary>Words for a connection that did not come about.</summary>
public static class ConnectFault
{
    /// <summary>The cause without .NET's wrapping; the commonest in the words that every tool uses.</summary>
    public static string Reason(Exception problem) => problem switch
    {
        ProxyException proxy => proxy.Message,
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
        AuthenticationException tls when IsNoTls(tls) => "it does not answer with TLS",
        AuthenticationException tls when IsOfTime(tls) => "by this machine's clock its certificate has expired, or is not valid yet",
        AuthenticationException tls => tls.InnerException?.Message ?? tls.Message,
        { InnerException: SocketException inner } => Reason(inner),
        _ => problem.Message.TrimEnd('.'),
    };

    /// <summary>What came is no TLS record; .NET has no other sign for it than its words.</summary>
    public static bool IsNoTls(AuthenticationException problem) => problem.Message.Contains("corrupted frame", StringComparison.Ordinal);

    /// <summary>.NET names the chain's faults in its message: NotTimeValid is a certificate that has expired, or that is not valid yet.</summary>
    public static bool IsOfTime(AuthenticationException problem) => problem.Message.Contains("NotTimeValid", StringComparison.Ordinal);
}
