using Depot.Cli.Registries;
using Slipway.BuildKit.Auth;
using Slipway.BuildKit.Progress;
using Slipway.Contract.Depot.Cli.V1;

namespace Depot.Cli.Build;

/// <summary>The registry logins of one command: this machine's, and those that came with its builds. Every session shares them.</summary>
internal sealed class RegistryLogins : IDisposable
{
    private readonly Dictionary<string, RegistryCredential> _ofBuild = new(StringComparer.Ordinal);
    private readonly HttpClient _http;
    private readonly HttpClient _bulk;

    /// <param name="errorPrefix">What errors of the client's own calls begin with.</param>
    public RegistryLogins(CliContext cli, VertexWriter steps, string errorPrefix = "failed to build: ")
    {
        var settings = cli.Settings;
        _http = cli.OpenHttp();
        _bulk = cli.OpenHttp();
        _bulk.Timeout = Timeout.InfiniteTimeSpan;
        var options = new CredentialOptions
        {
            DockerConfigFolder = settings.DockerConfigFolder,
            SearchPath = settings.SearchPath,
            SharesSecrets = settings.LendsCredentials,
            Hosts = _ofBuild,
            Override = RegistryCredential.FromOverrides(settings.PushRegistryUsername, settings.PushRegistryPassword, settings.PushRegistryAuth),
        };
        Auth = new RegistryAuth(options, _http, cli.Clock, steps);
        Registries = new RegistryClient(_http, _bulk, Auth, cli.Clock, errorPrefix);
    }

    public RegistryAuth Auth { get; }

    /// <summary>For the client's own calls to registries.</summary>
    public RegistryClient Registries { get; }

    /// <summary>Adds the registry logins that came with a build. To be called before its builders are.</summary>
    public void Add(IEnumerable<CreateBuildResponse.Types.Credential> credentials)
    {
        foreach (var credential in credentials)
        {
            if (RegistryCredential.TryDecode(credential.Token, out var decoded))
            {
                _ofBuild[credential.Host] = decoded;
            }
        }
    }

    /// <summary>Adds a login of one registry.</summary>
    public void Add(string host, RegistryCredential login) => _ofBuild[host] = login;

    public void Dispose()
    {
        Auth.Dispose();
        _http.Dispose();
        _bulk.Dispose();
    }
}
