using System.Runtime.CompilerServices;
using Google.Protobuf;
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
    public const string PrunePath = "/moby.buildkit.v1.Control/Prune";
    public const string BuildHistoryPath = "/moby.buildkit.v1.Control/ListenBuildHistory";
    public const string DiskUsagePath = "/moby.buildkit.v1.Control/DiskUsage";

    public GrpcChannel Channel { get; } = channel;

    /// <summary>Builds; lives as long as the build. Cancelling it cancels the build.</summary>
    public Task<SolveResponse> SolveAsync(SolveRequest request, CancellationToken cancellation) =>
        Channel.UnaryAsync(SolvePath, request, SolveResponse.Parser, cancellation);

    public Task<ListWorkersResponse> ListWorkersAsync(CancellationToken cancellation) =>
        Channel.UnaryAsync(ListWorkersPath, new ListWorkersRequest(), ListWorkersResponse.Parser, cancellation);

    /// <summary>The engine's version. BuildKit before 0.11 answers Unimplemented, which still shows that it is alive.</summary>
    public Task<InfoResponse> InfoAsync(CancellationToken cancellation) =>
        Channel.UnaryAsync(InfoPath, new InfoRequest(), InfoResponse.Parser, cancellation);

    public Task<DiskUsageResponse> DiskUsageAsync(DiskUsageRequest request, CancellationToken cancellation) =>
        Channel.UnaryAsync(DiskUsagePath, request, DiskUsageResponse.Parser, cancellation);

    /// <summary>Frees cache; yields each record that went.</summary>
    public IAsyncEnumerable<UsageRecord> PruneAsync(PruneRequest request, CancellationToken cancellation) =>
        StreamAsync(PrunePath, request, UsageRecord.Parser, cancellation);

    /// <summary>The progress of one build, until BuildKit ends the stream.</summary>
    public IAsyncEnumerable<StatusResponse> StatusAsync(string reference, CancellationToken cancellation) =>
        StreamAsync(StatusPath, new StatusRequest { Ref = reference }, StatusResponse.Parser, cancellation);

    /// <summary>The records that the engine has of a build that is over: one, or none.</summary>
    public IAsyncEnumerable<BuildHistoryEvent> RecordsAsync(string reference, CancellationToken cancellation) =>
        StreamAsync(BuildHistoryPath, new BuildHistoryRequest { Ref = reference, EarlyExit = true }, BuildHistoryEvent.Parser, cancellation);

    private async IAsyncEnumerable<T> StreamAsync<T>(
        string path, IMessage request, MessageParser<T> parser, [EnumeratorCancellation] CancellationToken cancellation)
        where T : class, IMessage<T>
    {
        await using var call = await Channel.StartAsync(path, metadata: null, cancellation);
        await call.WriteLastMessageAsync(request, cancellation);
        while (await call.ReadMessageAsync(parser, cancellation) is { } message)
        {
            yield return message;
        }
    }
}
