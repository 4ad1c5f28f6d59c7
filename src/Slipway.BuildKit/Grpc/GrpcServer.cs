using Slipway.BuildKit.Compression;
using Slipway.BuildKit.Http2;

namespace Slipway.BuildKit.Grpc;

/// <summary>Serves one call; returning ends it with OK, a <see cref="GrpcStatusException"/> with its status, anything else with Unknown.</summary>
/// <param name="call">The call, valid until the handler's task ends.</param>
/// <param name="cancellation">Fires when the peer resets the call, its deadline passes, or the connection ends.</param>
public delegate Task GrpcHandler(GrpcServerCall call, CancellationToken cancellation);

/// <summary>The serving side of one HTTP/2 connection: gRPC methods by path.</summary>
/// <param name="compression">For the answers to callers that read it.</param>
public sealed class GrpcServer(IReadOnlyDictionary<string, GrpcHandler> methods, MessageCompression? compression = null)
{
    /// <summary>Serves <paramref name="transport"/> as an HTTP/2 server until the peer leaves or <paramref name="cancellation"/> fires.
    /// Ends every call that is still running, and awaits it, before it returns.</summary>
    /// <exception cref="Http2Exception">The connection broke, or the peer broke the protocol.</exception>
    public async Task ServeAsync(Stream transport, Http2Options options, CancellationToken cancellation)
    {
        await using var connection = Http2Connection.StartServer(transport, options, stream => ServeAsync(stream, options));
        try
        {
            await connection.Completion.WaitAsync(cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Disposing the connection ends it.
        }
        catch (Http2Exception end) when (end.PeerLeft)
        {
            // The ordinary end.
        }
    }

    private async Task ServeAsync(Http2Stream stream, Http2Options options)
    {
        await using (stream)
        {
            var call = new GrpcServerCall(stream, await stream.Headers, options.MessageBytesMax, compression);
            if (!call.IsGrpc)
            {
                await stream.SendHeadersAsync([new HeaderField(":status", "415")], endStream: true, CancellationToken.None);
                return;
            }

            await call.EndAsync(methods.TryGetValue(call.Path, out var handler)
                ? await RunAsync(call, handler, stream, options.Clock)
                : new GrpcStatusException(GrpcStatusCode.Unimplemented, $"unknown method {call.Path}"));
        }
    }

    /// <summary>Runs a handler; says how the call ends, null for OK.</summary>
    private static async Task<GrpcStatusException?> RunAsync(GrpcServerCall call, GrpcHandler handler, Http2Stream stream, TimeProvider clock)
    {
        // Not disposed: a late reset may still cancel it, and without a timer of its own there is nothing to free.
        var ending = new CancellationTokenSource();
        var timeout = GrpcTimeout.Read(call.RequestHeaders.First("grpc-timeout"));
        await using var deadline = clock.CreateTimer(
            static source => ((CancellationTokenSource)source!).CancelAsync(), ending, timeout ?? Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        var reset = false;
        stream.OnFailure(_ =>
        {
            Volatile.Write(ref reset, true);
            ending.CancelAsync();
        });
        try
        {
            await handler(call, ending.Token);
            return null;
        }
        catch (GrpcStatusException status)
        {
            return status;
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            return Volatile.Read(ref reset)
                ? new GrpcStatusException(GrpcStatusCode.Cancelled, "the call was cancelled")
                : new GrpcStatusException(GrpcStatusCode.DeadlineExceeded, "the call took longer than its caller's deadline");
        }
        catch (Exception failure)
        {
            return new GrpcStatusException(GrpcStatusCode.Unknown, failure.Message, details: null, failure);
        }
    }
}
