using System.Net.Http.Headers;
using Depot.Cli.Settings;

namespace Depot.Cli.ControlPlane.Oidc;

/// <summary>GitHub Actions: a job with <c>permissions: id-token: write</c> is given an address to fetch tokens from.</summary>
internal sealed class GitHubOidc(CliSettings settings, OidcRequest request) : IOidcProvider
{
    private const string UrlVariable = "ACTIONS_ID_TOKEN_REQUEST_URL";
    private const string TokenVariable = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

    public string Name => "GitHub Actions";

    public bool IsHere => settings.Has(UrlVariable) || settings.Has("GITHUB_ACTIONS");

    public string? Lacks(string audience) => settings.Has(UrlVariable) && settings.Has(TokenVariable)
        ? null
        : "This is a GitHub Actions job that may not ask for an OIDC token: add `permissions: {id-token: write, contents: read}` to it. Jobs of a fork's pull request get none.";

    public async Task<string> FetchAsync(string audience, CancellationToken cancellation)
    {
        var address = settings.Variable(UrlVariable)!;
        var url = $"{address}{(address.Contains('?', StringComparison.Ordinal) ? '&' : '?')}audience={Uri.EscapeDataString(audience)}";
        var answer = await request.SendAsync(Name, url, () => new HttpRequestMessage(HttpMethod.Get, url)
        {
            Headers = { Authorization = new AuthenticationHeaderValue("bearer", settings.Variable(TokenVariable)) },
        }, cancellation);
        return OidcRequest.Token(Name, url, answer, "value");
    }
}
