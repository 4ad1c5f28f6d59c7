using Depot.Cli.ControlPlane.Oidc;
using Depot.Cli.Login;
using Depot.Cli.Settings;

namespace Depot.Cli.ControlPlane;

/// <summary>The bearer token of one command: where it comes from, fetched when a call needs it, and anew when it has run out.</summary>
internal sealed class Credentials : IDisposable
{
    private readonly Func<CancellationToken, Task<string>>? _fetch;
    private readonly TimeProvider _clock;
    private readonly SemaphoreSlim _fetching = new(1, 1);
    private string? _token;
    private long _fetchedAt;

    private Credentials(string source, string? token, Func<CancellationToken, Task<string>>? fetch, TimeProvider clock) =>
        (Source, _token, _fetch, _clock) = (source, token, fetch, clock);

    /// <summary>Where the token comes from, for error texts.</summary>
    public string Source { get; }

    /// <summary>Chooses: <c>--token</c>, <c>DEPOT_TOKEN</c>, the stored one, the CI system's, the job's own, then a person who signs in.</summary>
    /// <remarks>Nothing is fetched yet.</remarks>
    /// <exception cref="CliException">There is none, or the one there is cannot be a token.</exception>
    public static Credentials Resolve(string? flag, CliContext cli) =>
        Given(flag, cli.Settings) is var (token, source)
            ? Of(token, source)
            : Fetched(cli) ?? throw Missing(cli);

    /// <summary>A token that is there already.</summary>
    /// <exception cref="CliException">It cannot be one.</exception>
    public static Credentials Of(string token, string source) => TokenShape.FaultOf(token) is { } fault
        ? throw new CliException($"the token of {source} is malformed: {fault}") { Remedy = "Copy it again from where it was made; `slipway admin token create` and `depot login` make new ones." }
        : new Credentials(source, token, fetch: null, TimeProvider.System);

    /// <summary>The token for one call.</summary>
    public async ValueTask<string> TokenAsync(CancellationToken cancellation)
    {
        if (_fetch is null)
        {
            return _token!;
        }

        await _fetching.WaitAsync(cancellation);
        try
        {
            if (_token is null || RunsOut(_token))
            {
                _token = await _fetch(cancellation);
                _fetchedAt = _clock.GetTimestamp();
            }

            return _token;
        }
        finally
        {
            _fetching.Release();
        }
    }

    /// <summary>Makes a call with the token; once more with a fresh one when the server no longer takes it.</summary>
    /// <exception cref="ApiException">The call failed; where the token was refused, with what is known about it.</exception>
    public async Task<T> UseAsync<T>(Func<string, Task<T>> call, CancellationToken cancellation)
    {
        var token = await TokenAsync(cancellation);
        try
        {
            return await call(token);
        }
        catch (ApiException refused) when (refused.Code == "unauthenticated" && WasKept(token))
        {
            Forget(token);
        }
        catch (ApiException refused) when (refused is { Code: "unauthenticated", Remedy: null })
        {
            throw Explain(refused, token);
        }

        token = await TokenAsync(cancellation);
        try
        {
            return await call(token);
        }
        catch (ApiException refused) when (refused is { Code: "unauthenticated", Remedy: null })
        {
            throw Explain(refused, token);
        }
    }

    /// <summary>A token must never end up in a log line by way of an object's text.</summary>
    public override string ToString() => $"token of {Source}";

    public void Dispose() => _fetching.Dispose();

    private static (string Token, string Source)? Given(string? flag, CliSettings settings) =>
        flag is { Length: > 0 } ? (flag, "--token")
        : settings.Token is { } token ? (token, "DEPOT_TOKEN")
        : settings.ApiToken is { } api ? (api, "DEPOT_API_TOKEN")
        : settings.StoredLogin.Token is { } stored ? (stored, settings.ConfigPath)
        : null;

    private static Credentials? Fetched(CliContext cli)
    {
        var request = new OidcRequest(() => cli.OpenHttp(followRedirects: false), cli.Clock);
        if (OidcTokens.Find(cli.Settings, request, Audience(cli)) is { } oidc)
        {
            return new Credentials(oidc.Source, null, cancellation => FromJobAsync(oidc, cli.Settings, cancellation), cli.Clock);
        }

        return cli.Settings.JobToken is { } job ? Of(job, "the job's token")
            : cli.IsInteractive ? new Credentials("depot login", null, cancellation => DeviceLogin.RunAsync(cli, organization: null, cancellation), cli.Clock)
            : null;
    }

    /// <summary>The CI system's token; the one that the job was handed where there is none.</summary>
    private static async Task<string> FromJobAsync(OidcTokens oidc, CliSettings settings, CancellationToken cancellation)
    {
        try
        {
            return await oidc.FetchAsync(cancellation);
        }
        catch (CliException) when (settings.JobToken is not null)
        {
            return settings.JobToken;
        }
    }

    private static CliException Missing(CliContext cli) => new("missing API token, please run `depot login`")
    {
        Remedy = OidcTokens.WhyNone(cli.Settings, new OidcRequest(() => cli.OpenHttp(followRedirects: false), cli.Clock), Audience(cli))
            ?? "In a script, set DEPOT_TOKEN or pass --token.",
    };

    /// <summary>The server itself, so that what it is handed is of no use anywhere else.</summary>
    private static string Audience(CliContext cli) => cli.Settings.OidcAudience ?? cli.Endpoint.Text;

    /// <summary>By the time since it was fetched: this machine's clock may be off. A tenth of its life is kept back for the call itself.</summary>
    private bool RunsOut(string token) =>
        TokenShape.LifetimeOf(token) is (DateTimeOffset from, var until) && _clock.GetElapsedTime(_fetchedAt) > (until - from) * 0.9;

    private bool WasKept(string token) => _fetch is not null && _token == token && _clock.GetElapsedTime(_fetchedAt) > TimeSpan.FromSeconds(1);

    private void Forget(string token)
    {
        if (_token == token)
        {
            _token = null;
        }
    }

    private ApiException Explain(ApiException refused, string token) => new(refused.Code, refused.Message, refused)
    {
        Remedy = TokenRefusal.Explain(_fetch is null ? $"the token of {Source}" : $"the {Source}", token, refused.ServerTime, _clock.GetUtcNow()),
    };
}
