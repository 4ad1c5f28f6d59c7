using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Wire.Gateway;
using RpcStatus = Slipway.BuildKit.Wire.Rpc.Status;

namespace Slipway.BuildKit.Control;

/// <summary>BuildKit's gateway (<c>moby.buildkit.v1.frontend.LLBBridge</c>): the client drives the frontend of a Solve that names none.</summary>
/// <remarks>This is how a client gets to see a frontend's own answer: the definitions of its results and their metadata. A plain Solve shows neither.</remarks>
public sealed class GatewayClient(GrpcChannel channel, string reference)
{
    public const string SolvePath = "/moby.buildkit.v1.frontend.LLBBridge/Solve";
    public const string ReturnPath = "/moby.buildkit.v1.frontend.LLBBridge/Return";

    /// <summary>BuildKit tells builds apart by this entry alone.</summary>
    private readonly Metadata _metadata = new() { { "buildkit-controlapi-buildid", reference } };

    /// <summary>Runs a frontend. Its results are lazy: nothing is executed until they are exported, read or evaluated.</summary>
    /// <remarks>BuildKit waits three seconds for the Solve of the same reference to arrive, and then says that there is no such job.</remarks>
    public async Task<Result> SolveAsync(SolveRequest request, CancellationToken cancellation)
    {
        request.AllowResultReturn = true;
        request.AllowResultArrayRef = true;
        var response = await channel.UnaryAsync(SolvePath, request, SolveResponse.Parser, cancellation, _metadata);
        return response.Result ?? new Result { RefDeprecated = response.Ref };
    }

    /// <summary>Hands the results to the exporters of the Solve, which then ends.</summary>
    public Task ReturnAsync(Result result, CancellationToken cancellation) =>
        channel.UnaryAsync(ReturnPath, new ReturnRequest { Result = result }, ReturnResponse.Parser, cancellation, _metadata);

    /// <summary>Ends the Solve with a failure, which it then reports as its own.</summary>
    public Task FailAsync(GrpcStatusException failure, CancellationToken cancellation)
    {
        var error = failure.Details is { } details
            ? RpcStatus.Parser.ParseFrom(details)
            : new RpcStatus { Code = (int)failure.Code, Message = failure.Message };
        return channel.UnaryAsync(ReturnPath, new ReturnRequest { Error = error }, ReturnResponse.Parser, cancellation, _metadata);
    }
}
