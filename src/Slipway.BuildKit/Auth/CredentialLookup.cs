namespace Slipway.BuildKit.Auth;

/// <summary>Where registry credentials come from on this machine.</summary>
public sealed record CredentialOptions
{
    /// <summary>The folder with Docker's <c>config.json</c>.</summary>
    public required string DockerConfigFolder { get; init; }

    /// <summary>The PATH on which credential helpers are looked for.</summary>
    public string? SearchPath { get; init; }

    /// <summary>Answers for every registry but <see cref="Hosts"/> (<c>DEPOT_PUSH_REGISTRY_*</c>).</summary>
    public RegistryCredential? Override { get; init; }

    /// <summary>Answers for single registries, before anything else.</summary>
    public IReadOnlyDictionary<string, RegistryCredential> Hosts { get; init; } = new Dictionary<string, RegistryCredential>();

    /// <summary>Lets the engine have passwords and fetch its own tokens, for a client that cannot reach the registry
    /// (<c>BUILDKIT_NO_CLIENT_TOKEN</c>).</summary>
    public bool SharesSecrets { get; init; }
}

/// <summary>Finds the credentials of a registry at the moment they are asked for.</summary>
internal sealed class CredentialLookup(CredentialOptions options, TimeProvider clock) : IDisposable
{
    /// <summary>One build asks for the same host several times within a second; a login during a build counts soon after.</summary>
    private static readonly TimeSpan s_helperAnswerLife = TimeSpan.FromSeconds(30);

    /// <summary>Docker Hub's credentials also open these hosts.</summary>
    private static readonly string[] s_hubHosts = ["dhi.io", "registry.scout.docker.com"];

    private readonly Dictionary<(string Helper, string Key), (RegistryCredential? Credential, long At)> _answers = [];

    // One helper at a time: keychains are known to hang on concurrent questions.
    private readonly SemaphoreSlim _oneAtATime = new(1, 1);

    /// <summary>The credentials for <paramref name="host"/>, or null.</summary>
    public async Task<RegistryCredential?> FindAsync(string host, CancellationToken cancellation)
    {
        if (options.Hosts.TryGetValue(host, out var own) || options.Hosts.TryGetValue(DockerConfig.KeyFor(host), out own))
        {
            return own;
        }

        if (options.Override is { } given)
        {
            return given;
        }

        await _oneAtATime.WaitAsync(cancellation);
        try
        {
            var config = DockerConfig.Load(options.DockerConfigFolder);
            var found = await FindAsync(config, DockerConfig.KeyFor(host), cancellation);
            return found is null && s_hubHosts.Contains(host)
                ? await FindAsync(config, DockerConfig.DockerHubKey, cancellation)
                : found;
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    public void Dispose() => _oneAtATime.Dispose();

    private async Task<RegistryCredential?> FindAsync(DockerConfig config, string key, CancellationToken cancellation)
    {
        var helper = config.MentionsCredentials ? config.HelperFor(key) : DefaultHelper();
        if (helper.Length == 0)
        {
            return config.FindAuth(key);
        }

        if (_answers.TryGetValue((helper, key), out var known) && clock.GetElapsedTime(known.At) < s_helperAnswerLife)
        {
            return known.Credential;
        }

        var answer = await AskAsync(helper, key, isChosen: config.MentionsCredentials, cancellation);
        if (answer is not null && config.FindAuth(key) is { RegistryToken.Length: > 0 } stored)
        {
            answer = answer with { RegistryToken = stored.RegistryToken };
        }

        _answers[(helper, key)] = (answer, clock.GetTimestamp());
        return answer;
    }

    private async Task<RegistryCredential?> AskAsync(string helper, string key, bool isChosen, CancellationToken cancellation)
    {
        try
        {
            return await new CredentialHelper(helper, options.SearchPath, clock).GetAsync(key, cancellation);
        }
        catch (InputException) when (!isChosen)
        {
            // Nobody asked for this helper: on an agent without a desktop the keyring cannot even start, and nothing is in it.
            return null;
        }
    }

    /// <summary>What Docker falls back to on Linux when its settings say nothing: pass where that is installed, else the desktop's keyring.</summary>
    private string DefaultHelper()
    {
        var helper = ExecutableSearch.Find("pass", options.SearchPath) is null ? "secretservice" : "pass";
        return CredentialHelper.IsInstalled(helper, options.SearchPath) ? helper : "";
    }
}
