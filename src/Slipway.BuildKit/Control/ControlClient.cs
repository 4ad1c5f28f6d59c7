using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Wire.Control;

namespace Slipway.BuildKit.Control;

/// <summary>BuildKit's control service (<c>moby.buildkit.v1.Control</c>), as a build client uses it.</summary>
public sealed class ControlClient(GrpcChannel channel)
{
    public const string SolvePath = "/moby.buildkit.v1.Control/Solve";
    public const string StatusPath = "/moby.buildkit.v1.Control/Status";
    public const string SessionPath = "/moby.buildkit.v1.Control/Session";
    public const string ListWorkersPath = "/moby.buildkit.v1.Control/ListWorkers";
    public const string InfoPath = "/moby.buildkit.v1.Control/Info";

    public GrpcChannel Channel { get; } = channel;

    public Task<SolveResponse> SolveAsync(SolveRequest request, CancellationToken cancellation) =>
        Channel.UnaryAsync(SolvePath, request, SolveResponse.Parser, cancellation);

    public Task<ListWorkersResponse> ListWorkersAsync(CancellationToken cancellation) =>
        Channel.UnaryAsync(ListWorkersPath, new ListWorkersRequest(), ListWorkersResponse.Parser, cancellation);

    /// <summary>The progress of one build, until BuildKit ends the stream.</summary>
    public async IAsyncEnumerable<StatusResponse> StatusAsync(
        string reference, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        await using var call = await Channel.StartAsync(StatusPath, metadata: null, cancellation);
        await call.WriteMessageAsync(new StatusRequest { Ref = reference }, cancellation);
        await call.CompleteWritesAsync(cancellation);
        while (await call.ReadMessageAsync(StatusResponse.Parser, cancellation) is { } status)
        {
            yield return status;
        }
    }
}
