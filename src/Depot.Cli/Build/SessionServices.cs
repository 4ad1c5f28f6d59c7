using Depot.Cli.Docker;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Session;
using Slipway.Contract.Depot.Cli.V1;

namespace Depot.Cli.Build;

/// <summary>What the client serves to the builder during one build: files, credentials, secrets, agents, and places for the results.</summary>
internal sealed class SessionServices : IAsyncDisposable
{
    private readonly List<IAttachable> _all = [];
    private IReadOnlyList<CreateBuildResponse.Types.Credential> _credentials = [];

    public IReadOnlyList<IAttachable> All => _all;

    public static Task<SessionServices> OpenAsync(CliContext cli, BuildPlan plan, DockerLoad? load, VertexWriter steps, CancellationToken cancellation)
    {
        _ = (cli, plan, load, steps, cancellation);
        return Task.FromResult(new SessionServices());
    }

    public void AddCredentials(IReadOnlyList<CreateBuildResponse.Types.Credential> credentials) => _credentials = credentials;

    public async ValueTask DisposeAsync()
    {
        _ = _credentials;
        foreach (var service in _all)
        {
            if (service is IAsyncDisposable disposable)
            {
                await disposable.DisposeAsync();
            }
            else
            {
                (service as IDisposable)?.Dispose();
            }
        }
    }
}
