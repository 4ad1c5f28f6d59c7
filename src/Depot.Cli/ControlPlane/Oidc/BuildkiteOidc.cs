using System.Net.Http.Headers;
using System.Text.Json;
using Depot.Cli.Settings;

namespace Depot.Cli.ControlPlane.Oidc;

/// <summary>Buildkite: the agent's API gives a job tokens of five minutes, as <c>buildkite-agent oidc request-token</c> asks for them.</summary>
/// <remarks><c>POST {BUILDKITE_AGENT_ENDPOINT}/jobs/{BUILDKITE_JOB_ID}/oidc/tokens</c> with <c>Authorization: Token …</c> and
/// <c>{"audience":…}</c>. The endpoint differs between stacks, so it is read from the job. Any 2xx carries the token; the published client takes 200 alone.</remarks>
internal sealed class BuildkiteOidc(CliSettings settings, OidcRequest request) : IOidcProvider
{
    private const string DefaultEndpoint = "https://agent.buildkite.com/v3";

    public string Name => "Buildkite";

    public bool IsHere => settings.Has("BUILDKITE_AGENT_ACCESS_TOKEN") || settings.Has("BUILDKITE");

    public string? Lacks(string audience) => Missing() is [_, ..] missing
        ? $"This is a Buildkite step, but {string.Join(" and ", missing)} {(missing.Count == 1 ? "is" : "are")} not set here. A step that runs in a container must be given"
            + " BUILDKITE_AGENT_ACCESS_TOKEN, BUILDKITE_AGENT_ENDPOINT and BUILDKITE_JOB_ID."
        : null;

    public async Task<string> FetchAsync(string audience, CancellationToken cancellation)
    {
        var endpoint = settings.Variable("BUILDKITE_AGENT_ENDPOINT") is { Length: > 0 } named ? named.TrimEnd('/') : DefaultEndpoint;
        var url = $"{endpoint}/jobs/{settings.Variable("BUILDKITE_JOB_ID")}/oidc/tokens";
        var answer = await request.SendAsync(Name, url, () => new HttpRequestMessage(HttpMethod.Post, url)
        {
            Headers = { Authorization = new AuthenticationHeaderValue("Token", settings.Variable("BUILDKITE_AGENT_ACCESS_TOKEN")) },
            Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(new() { ["audience"] = audience }, CliJson.Default.DictionaryStringString))
            {
                Headers = { ContentType = new MediaTypeHeaderValue("application/json") },
            },
        }, cancellation);
        return OidcRequest.Token(Name, url, answer, "token");
    }

    private List<string> Missing() => [.. new[] { "BUILDKITE_AGENT_ACCESS_TOKEN", "BUILDKITE_JOB_ID" }.Where(name => !settings.Has(name))];
}
