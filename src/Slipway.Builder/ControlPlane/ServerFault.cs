using System.Security.Authentication;
using Grpc.Core;
using Slipway.BuildKit.Proxies;

namespace Slipway.Builder.ControlPlane;

/// <summary>Words for what keeps a builder from its server.</summary>
internal static class ServerFault
{
    /// <summary>Why a call failed, in a line: of a server that could not be reached the cause below gRPC's own words, and what to do.</summary>
    public static string Describe(Exception failure)
    {
        if (failure is not RpcException call)
        {
            return failure.Message;
        }

        return call.Status.DebugException?.GetBaseException() switch
        {
            AuthenticationException tls when ConnectFault.IsNoTls(tls) => ConnectFault.Reason(tls) + "; does it serve http://?",
            AuthenticationException tls when ConnectFault.IsOfTime(tls) => ConnectFault.Reason(tls) + "; is this machine's clock right?",
            AuthenticationException tls => ConnectFault.Reason(tls).TrimEnd('.') + "; name the file of its certificate's authority in SSL_CERT_FILE",
            { } cause => ConnectFault.Reason(cause),
            _ when call.Status.Detail.Length > 0 => call.Status.Detail,
            _ => call.StatusCode.ToString(),
        };
    }

    /// <summary>What the server said without its remedy, which is meant for people at a client.</summary>
    public static string Refusal(RpcException call) => call.Status.Detail.Split("; ", 2)[0];
}
