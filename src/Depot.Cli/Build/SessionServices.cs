using Depot.Cli.Docker;
using Depot.Cli.Settings;
using Slipway.BuildKit;
using Slipway.BuildKit.Auth;
using Slipway.BuildKit.Export;
using Slipway.BuildKit.FileSync;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Secrets;
using Slipway.BuildKit.Session;
using Slipway.BuildKit.Ssh;
using Slipway.BuildKit.Upload;
using Slipway.Contract.Depot.Cli.V1;

namespace Depot.Cli.Build;

/// <summary>What the client serves to the builder during one build: files, credentials, secrets, agents, and places for the results.</summary>
internal sealed class SessionServices : IAsyncDisposable
{
    private readonly List<IAttachable> _all = [];
    private readonly Dictionary<string, RegistryCredential> _credentials = new(StringComparer.Ordinal);
    private readonly HttpClient _http;

    private SessionServices(HttpClient http) => _http = http;

    public IReadOnlyList<IAttachable> All => _all;

    /// <exception cref="InputException">A secret, an agent or a key cannot be used.</exception>
    public static async Task<SessionServices> OpenAsync(
        CliContext cli, BuildPlan plan, DockerLoad? load, VertexWriter steps, CancellationToken cancellation)
    {
        var services = new SessionServices(cli.OpenHttp());
        try
        {
            await services.AddAllAsync(cli, plan, load, steps, cancellation);
            return services;
        }
        catch
        {
            await services.DisposeAsync();
            throw;
        }
    }

    /// <summary>Adds the registry logins that came with the build.</summary>
    public void AddCredentials(IEnumerable<CreateBuildResponse.Types.Credential> credentials)
    {
        foreach (var credential in credentials)
        {
            if (RegistryCredential.TryDecode(credential.Token, out var decoded))
            {
                _credentials[credential.Host] = decoded;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
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

        _http.Dispose();
    }

    private async Task AddAllAsync(CliContext cli, BuildPlan plan, DockerLoad? load, VertexWriter steps, CancellationToken cancellation)
    {
        if (plan.Inputs.Folders.Count > 0)
        {
            _all.Add(new FileSyncProvider(plan.Inputs.Folders));
        }

        if (plan.Inputs.UploadedContext is { } archive)
        {
            var upload = new UploadProvider();
            plan.Attributes["context"] = upload.Add(archive.Open());
            _all.Add(upload);
        }

        _all.Add(new RegistryAuth(CredentialSources(cli.Settings), _http, cli.Clock, steps));
        if (plan.Secrets.Count > 0)
        {
            _all.Add(SecretSource.Open(plan.Secrets, cli.Settings.Variable, cli.WorkingFolder));
        }

        if (plan.SshAgents.Count > 0)
        {
            var options = new SshOptions
            {
                AgentSocket = cli.Settings.SshAgentSocket,
                SearchPath = cli.Settings.SearchPath,
                WorkingDirectory = cli.WorkingFolder,
            };
            _all.Add(await SshAgentForward.OpenAsync(plan.SshAgents, options, cli.Clock, cancellation));
        }

        if (Targets(plan, load) is { Count: > 0 } targets)
        {
            _all.Add(new ExportProvider(targets));
        }
    }

    private CredentialOptions CredentialSources(CliSettings settings) => new()
    {
        DockerConfigFolder = settings.DockerConfigFolder,
        SearchPath = settings.SearchPath,
        Hosts = _credentials,
        Override = RegistryCredential.FromOverrides(settings.PushRegistryUsername, settings.PushRegistryPassword, settings.PushRegistryAuth),
    };

    /// <summary>By the exporter's place in the request.</summary>
    private static Dictionary<int, ExportTarget> Targets(BuildPlan plan, DockerLoad? load)
    {
        var targets = new Dictionary<int, ExportTarget>();
        for (var i = 0; i < plan.Outputs.Count; i++)
        {
            var output = plan.Outputs[i];
            ExportTarget? target = output.Target switch
            {
                OutputTarget.File => new ExportTarget.IntoFile(output.Destination),
                OutputTarget.Folder => new ExportTarget.Folder(output.Destination),
                OutputTarget.StandardOutput => new ExportTarget.Bytes(_ => Task.FromResult<Stream?>(Console.OpenStandardOutput())),
                OutputTarget.Docker => new ExportTarget.Bytes(_ => Task.FromResult<Stream?>(load!.Open())),
                _ => null,
            };
            if (target is not null)
            {
                targets[i] = target;
            }
        }

        return targets;
    }
}
