using Slipway.Contract.Depot.Cli.V1;
using Slipway.Contract.Depot.Cli.V1Beta1;

namespace Depot.Cli.ControlPlane;

/// <summary>The calls of the public API that this client makes, each with its deadline and its way of being repeated.</summary>
internal sealed class BuildApi(ConnectClient client) : IAsyncDisposable
{
    private const string Builds = "depot.cli.v1.BuildService";
    private const string Projects = "depot.cli.v1beta1.ProjectsService";

    public ApiEndpoint Endpoint => client.Endpoint;

    public Task<CreateBuildResponse> CreateBuildAsync(CreateBuildRequest request, Credentials credentials, CancellationToken cancellation) =>
        client.CallAsync(Retry.Once, $"{Builds}/CreateBuild", request, CreateBuildResponse.Parser, credentials, cancellation);

    public Task<GetBuildKitConnectionResponse> GetConnectionAsync(
        GetBuildKitConnectionRequest request, Credentials credentials, CancellationToken cancellation) =>
        client.CallAsync(Retry.WhileBuilding, $"{Builds}/GetBuildKitConnection", request, GetBuildKitConnectionResponse.Parser, credentials, cancellation);

    /// <summary>Not repeated: the next report follows in a few seconds.</summary>
    public Task<ReportBuildHealthResponse> ReportHealthAsync(ReportBuildHealthRequest request, Credentials credentials, CancellationToken cancellation) =>
        credentials.UseAsync(token => client.CallAsync($"{Builds}/ReportBuildHealth", request, ReportBuildHealthResponse.Parser, token, ConnectClient.UsualDeadline, cancellation), cancellation);

    public Task FinishBuildAsync(FinishBuildRequest request, Credentials credentials, CancellationToken cancellation) =>
        client.CallAsync(Retry.WhileBuilding, $"{Builds}/FinishBuild", request, FinishBuildResponse.Parser, credentials, cancellation);

    public Task<ListBuildsResponse> ListBuildsAsync(ListBuildsRequest request, Credentials credentials, CancellationToken cancellation) =>
        client.CallAsync(Retry.Query, $"{Builds}/ListBuilds", request, ListBuildsResponse.Parser, credentials, cancellation);

    public Task<ListProjectsResponse> ListProjectsAsync(Credentials credentials, CancellationToken cancellation) =>
        client.CallAsync(Retry.Query, $"{Projects}/ListProjects", new ListProjectsRequest(), ListProjectsResponse.Parser, credentials, cancellation);

    public ValueTask DisposeAsync() => client.DisposeAsync();
}
