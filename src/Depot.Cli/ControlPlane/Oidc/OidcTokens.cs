using Depot.Cli.Settings;

namespace Depot.Cli.ControlPlane.Oidc;

/// <summary>The tokens that a job's CI system vouches for it with: found by itself, fetched when first needed, and again before they run out.</summary>
/// <remarks>Tokens stay in this object. The order is the published client's.</remarks>
internal sealed class OidcTokens
{
    private readonly List<IOidcProvider> _providers;
    private readonly string _audience;

    private OidcTokens(List<IOidcProvider> providers, string audience) => (_providers, _audience) = (providers, audience);

    /// <summary>Who could be asked, for people.</summary>
    public string Source => $"OIDC token of {string.Join(" or ", _providers.Select(provider => provider.Name))}";

    /// <summary>Those who can be asked in this job; null when nobody can.</summary>
    public static OidcTokens? Find(CliSettings settings, OidcRequest request, string audience)
    {
        var found = All(settings, request).Where(provider => provider.IsHere && provider.Lacks(audience) is null).ToList();
        return found.Count == 0 ? null : new OidcTokens(found, audience);
    }

    /// <summary>Why a CI job has no token: what to change in it. Null outside of CI.</summary>
    public static string? WhyNone(CliSettings settings, OidcRequest request, string audience) =>
        All(settings, request).Where(provider => provider.IsHere).Select(provider => provider.Lacks(audience)).FirstOrDefault(lack => lack is not null);

    /// <summary>A token of the first provider that gives one.</summary>
    /// <exception cref="CliException">None does.</exception>
    public async Task<string> FetchAsync(CancellationToken cancellation)
    {
        var failures = new List<OidcException>();
        foreach (var provider in _providers)
        {
            try
            {
                return await provider.FetchAsync(_audience, cancellation);
            }
            catch (OidcException problem)
            {
                failures.Add(problem);
            }
        }

        throw new CliException(string.Join("; ", failures.Select(problem => problem.Message)), inner: failures[0])
        {
            Remedy = failures[0].Remedy ?? "Look at the job's rights to OIDC tokens, or set DEPOT_TOKEN.",
        };
    }

    private static IEnumerable<IOidcProvider> All(CliSettings settings, OidcRequest request) =>
    [
        new GitHubOidc(settings, request),
        new GitLabOidc(settings),
        new CircleCiOidc(settings),
        new BuildkiteOidc(settings, request),
        new GivenOidc(settings),
    ];
}
