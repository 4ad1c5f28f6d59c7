using Slipway.Contract.Depot.Cli.V1Beta1;
using Slipway.Contract.Depot.Core.V1;

namespace Depot.Cli.ControlPlane;

/// <summary>The calls of the public API about people, organisations and projects.</summary>
internal sealed class AccountApi(ConnectClient client, TimeProvider clock) : IAsyncDisposable
{
    private const string Login = "depot.cli.v1beta1.LoginService";
    private const string ProjectList = "depot.cli.v1beta1.ProjectsService";
    private const string Organizations = "depot.core.v1.OrganizationService";
    private const string Projects = "depot.core.v1.ProjectService";

    /// <summary>Longer than the server keeps a login open, so that it is the server that says so.</summary>
    private static readonly TimeSpan ApprovalDeadline = TimeSpan.FromMinutes(15);

    public ApiEndpoint Endpoint => client.Endpoint;

    public Task<StartLoginResponse> StartLoginAsync(CancellationToken cancellation) => Retry.Query.RunAsync(
        () => client.CallAsync($"{Login}/StartLogin", new StartLoginRequest(), StartLoginResponse.Parser, token: null, ConnectClient.UsualDeadline, cancellation), clock, cancellation);

    /// <summary>Waits until somebody has approved the login.</summary>
    public Task<FinishLoginResponse> FinishLoginAsync(string id, CancellationToken cancellation) => Retry.WhileWaiting.RunAsync(
        () => client.CallStreamAsync($"{Login}/FinishLogin", new FinishLoginRequest { Id = id }, FinishLoginResponse.Parser, token: null, ApprovalDeadline, cancellation), clock, cancellation);

    public Task<ListOrganizationResponse> ListOrganizationsAsync(Credentials credentials, CancellationToken cancellation) =>
        client.CallAsync(Retry.Query, $"{Organizations}/ListOrganizations", new ListOrganizationsRequest(), ListOrganizationResponse.Parser, credentials, cancellation);

    public Task<ResetProjectCacheResponse> ResetCacheAsync(string projectId, Credentials credentials, CancellationToken cancellation) =>
        client.CallAsync(Retry.Query, $"{ProjectList}/ResetProjectCache", new ResetProjectCacheRequest { ProjectId = projectId }, ResetProjectCacheResponse.Parser, credentials, cancellation);

    public async Task<Project> GetProjectAsync(string projectId, Credentials credentials, CancellationToken cancellation) =>
        (await client.CallAsync(Retry.Query, $"{Projects}/GetProject", new GetProjectRequest { ProjectId = projectId }, GetProjectResponse.Parser, credentials, cancellation)).Project;

    /// <summary>Not repeated once sent: a second project of the same name would stay behind.</summary>
    public async Task<Project> CreateProjectAsync(CreateProjectRequest request, Credentials credentials, CancellationToken cancellation) =>
        (await client.CallAsync(Retry.Once, $"{Projects}/CreateProject", request, CreateProjectResponse.Parser, credentials, cancellation)).Project;

    public async Task<Project> UpdateProjectAsync(UpdateProjectRequest request, Credentials credentials, CancellationToken cancellation) =>
        (await client.CallAsync(Retry.Query, $"{Projects}/UpdateProject", request, UpdateProjectResponse.Parser, credentials, cancellation)).Project;

    public Task DeleteProjectAsync(string projectId, Credentials credentials, CancellationToken cancellation) =>
        client.CallAsync(Retry.Once, $"{Projects}/DeleteProject", new DeleteProjectRequest { ProjectId = projectId }, DeleteProjectResponse.Parser, credentials, cancellation);

    public ValueTask DisposeAsync() => client.DisposeAsync();
}
