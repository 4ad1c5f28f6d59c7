using Grpc.Core;

namespace Slipway.Builder.ControlPlane;

/// <summary>Runs the two directions of one call, which live and die together.</summary>
internal static class Duplex
{
    /// <summary>Ends when either does; the other is then cancelled and awaited.</summary>
    /// <exception cref="RpcException">Why the call is over. It never ends well: these calls are meant to stand.</exception>
    public static async Task RunAsync(Task receiving, Task sending, CancellationTokenSource connection)
    {
        var first = await Task.WhenAny(receiving, sending);
        await connection.CancelAsync();
        try
        {
            await Task.WhenAll(receiving, sending);
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException or InvalidOperationException or TimeoutException)
        {
            // Judged below, by which was first: the other one only reports that it was cancelled.
        }

        var reason = first.Exception?.InnerException;
        if (reason is not RpcException && receiving.Exception?.InnerException is RpcException { StatusCode: not StatusCode.Cancelled } said)
        {
            // Writing to a call that the server has ended fails without saying why; reading knows.
            reason = said;
        }

        throw reason as RpcException ?? new RpcException(new Status(StatusCode.Unavailable, reason?.Message ?? "the server closed the connection"));
    }
}
