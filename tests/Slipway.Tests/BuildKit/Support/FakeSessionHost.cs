using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.BuildKit.Session;

namespace Slipway.Tests.BuildKit.Support;

/// <summary>The BuildKit end of Control.Session: takes the session's byte stream and calls back on it.</summary>
internal sealed class FakeSessionHost
{
    private readonly TaskCompletionSource<(Metadata Headers, GrpcChannel Channel)> _session = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The caller's headers and the channel to its attachables, once a session has been opened.</summary>
    public Task<(Metadata Headers, GrpcChannel Channel)> Session => _session.Task;

    /// <summary>What grpc-go announces as a client: the defaults of HTTP/2. It credits the connection on arrival, so that an unread
    /// call does not hold up the others; a connection window of several streams comes to the same.</summary>
    public Http2Options InnerOptions { get; init; } = new()
    {
        StreamWindowBytes = Http2Frame.DefaultWindowBytes,
        ConnectionWindowBytes = 4 * Http2Frame.DefaultWindowBytes,
        FrameBytesMax = Http2Frame.DefaultPayloadBytesMax,
    };

    /// <summary>Lets the session's call end as if BuildKit had lost interest.</summary>
    public void End() => _end.TrySetResult();

    public async Task ServeAsync(GrpcServerCall call, CancellationToken cancellation)
    {
        await using var inner = GrpcChannel.Start(new SessionStream(call), "http", "localhost", InnerOptions);
        _session.SetResult((call.RequestHeaders, inner));
        await Task.WhenAny(_end.Task, inner.Completion).WaitAsync(cancellation);
    }
}
