using Slipway.Contract.Depot.Build.V1;
using Slipway.Contract.Depot.Cli.V1;

namespace Depot.Cli.ControlPlane;

/// <summary>The calls of the public API about saved images.</summary>
internal sealed class ImageApi(ConnectClient client) : IAsyncDisposable
{
    private const string Builds = "depot.cli.v1.BuildService";
    private const string Pushes = "depot.cli.v1.PushService";
    private const string Registry = "depot.build.v1.RegistryService";

    /// <summary>Where images are when a server does not say; the published client's.</summary>
    public const string DefaultHost = "registry.depot.dev";

    /// <summary>The user of every login that the server gives.</summary>
    public const string User = "x-token";

    public Task<GetPullInfoResponse> GetPullInfoAsync(string buildId, Credentials credentials, CancellationToken cancellation) =>
        client.CallAsync(Retry.Query, $"{Builds}/GetPullInfo", new GetPullInfoRequest { BuildId = buildId }, GetPullInfoResponse.Parser, credentials, cancellation);

    /// <summary>Both may be empty: the server knows what a project's own token means.</summary>
    public Task<GetPullTokenResponse> GetPullTokenAsync(string projectId, string buildId, Credentials credentials, CancellationToken cancellation) => client.CallAsync(
        Retry.Query, $"{Builds}/GetPullToken", new GetPullTokenRequest { ProjectId = projectId, BuildId = buildId }, GetPullTokenResponse.Parser, credentials, cancellation);

    public async Task<string> StartPushAsync(string buildId, string tag, Credentials credentials, CancellationToken cancellation) =>
        (await client.CallAsync(Retry.Once, $"{Pushes}/StartPush", new StartPushRequest { BuildId = buildId, Tag = tag }, StartPushResponse.Parser, credentials, cancellation)).PushId;

    public Task FinishPushAsync(FinishPushRequest request, Credentials credentials, CancellationToken cancellation) =>
        client.CallAsync(Retry.Query, $"{Pushes}/FinishPush", request, FinishPushResponse.Parser, credentials, cancellation);

    public Task<ListImagesResponse> ListImagesAsync(ListImagesRequest request, Credentials credentials, CancellationToken cancellation) =>
        client.CallAsync(Retry.Query, $"{Registry}/ListImages", request, ListImagesResponse.Parser, credentials, cancellation);

    /// <summary>Not repeated once sent: the second try would say that there are no such images.</summary>
    public Task DeleteImagesAsync(DeleteImageRequest request, Credentials credentials, CancellationToken cancellation) =>
        client.CallAsync(Retry.Once, $"{Registry}/DeleteImage", request, DeleteImageResponse.Parser, credentials, cancellation);

    public ValueTask DisposeAsync() => client.DisposeAsync();
}
