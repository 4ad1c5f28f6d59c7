using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Slipway.BuildKit;
using Slipway.BuildKit.Auth;

namespace Depot.Cli.Registries;

/// <summary>Reads and writes manifests in image registries (the OCI distribution protocol) with this machine's logins.</summary>
/// <remarks>Layers never pass here: builders push them.</remarks>
internal sealed class RegistryClient(HttpClient http, RegistryAuth logins, TimeProvider clock)
{
    private const int DocumentBytesMax = 4 * 1024 * 1024;

    private static readonly string[] Accepted =
    [
        "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
    ];

    private readonly ConcurrentDictionary<string, AuthenticationHeaderValue> _authorizations = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _schemes = new(StringComparer.Ordinal);

    public async Task<RegistryDocument> GetManifestAsync(string host, string repository, string reference, CancellationToken cancellation)
    {
        using var response = await SendAsync(host, repository, reference, () =>
        {
            var request = new HttpRequestMessage(HttpMethod.Get, default(Uri));
            request.Headers.Accept.ParseAdd(string.Join(',', Accepted));
            return request;
        }, "read", cancellation);
        await using var body = await response.Content.ReadAsStreamAsync(cancellation);
        var buffer = new byte[DocumentBytesMax];
        var length = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation);
        return new RegistryDocument(response.Content.Headers.ContentType?.MediaType ?? "", buffer[..length]);
    }

    /// <summary>Stores a document under a tag, in place of what it named before.</summary>
    public async Task PutManifestAsync(string host, string repository, string tag, RegistryDocument document, CancellationToken cancellation)
    {
        using var response = await SendAsync(host, repository, tag, () =>
        {
            var content = new ByteArrayContent(document.Content);
            content.Headers.ContentType = new MediaTypeHeaderValue(document.MediaType);
            return new HttpRequestMessage(HttpMethod.Put, default(Uri)) { Content = content };
        }, "push", cancellation);
    }

    private async Task<HttpResponseMessage> SendAsync(
        string host, string repository, string reference, Func<HttpRequestMessage> create, string verb, CancellationToken cancellation)
    {
        var scope = $"{host}/{repository}";
        var path = $"{host}/v2/{repository}/manifests/{reference}";
        var response = await SendAsync(host, path, create, _authorizations.GetValueOrDefault(scope), cancellation);
        if (response.StatusCode == HttpStatusCode.Unauthorized && await AnswerAsync(response, host, repository, cancellation) is { } authorization)
        {
            _authorizations[scope] = authorization;
            response.Dispose();
            response = await SendAsync(host, path, create, authorization, cancellation);
        }

        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            var refused = response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden;
            var name = $"{scope}{(reference.Contains(':', StringComparison.Ordinal) ? '@' : ':')}{reference}";
            throw new CliException($"failed to build: failed to {verb} {name}: {await ReasonAsync(response, cancellation)}")
            {
                Remedy = refused ? PushRefusal.Remedy(host) : null,
            };
        }
    }

    /// <summary>Loopback registries mostly speak in the clear, as Docker takes them to: what answers decides, once.</summary>
    private async Task<HttpResponseMessage> SendAsync(
        string host, string path, Func<HttpRequestMessage> create, AuthenticationHeaderValue? authorization, CancellationToken cancellation)
    {
        try
        {
            return await SendAsync($"{_schemes.GetValueOrDefault(host, "https")}://{path}", create, authorization, cancellation);
        }
        catch (HttpRequestException problem) when (IsLoopback(host) && _schemes.TryAdd(host, "http"))
        {
            _ = problem;
            return await SendAsync(host, path, create, authorization, cancellation);
        }
        catch (HttpRequestException problem)
        {
            throw new CliException($"failed to build: the registry {host} cannot be reached: {problem.InnerException?.Message ?? problem.Message}", inner: problem);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(
        string url, Func<HttpRequestMessage> create, AuthenticationHeaderValue? authorization, CancellationToken cancellation)
    {
        using var request = create();
        request.RequestUri = new Uri(url);
        request.Headers.Authorization = authorization;
        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
    }

    /// <summary>What to show for a challenge: a token that the challenge's realm gives, or the login itself. Null when there is nothing to show.</summary>
    private async Task<AuthenticationHeaderValue?> AnswerAsync(HttpResponseMessage response, string host, string repository, CancellationToken cancellation)
    {
        try
        {
            var credential = await logins.FindAsync(host, cancellation);
            foreach (var challenge in response.Headers.WwwAuthenticate)
            {
                if (challenge.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase))
                {
                    return await FetchTokenAsync(challenge, repository, credential, cancellation);
                }

                if (challenge.Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase) && credential is { Secret.Length: > 0 })
                {
                    return new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.SecretUsername}:{credential.Secret}")));
                }
            }

            return null;
        }
        catch (InputException problem)
        {
            throw new CliException($"failed to build: {problem.Message}", inner: problem) { Remedy = PushRefusal.Remedy(host) };
        }
    }

    private async Task<AuthenticationHeaderValue> FetchTokenAsync(
        AuthenticationHeaderValue challenge, string repository, RegistryCredential? credential, CancellationToken cancellation)
    {
        var fields = ChallengeFields.Parse(challenge.Parameter ?? "");
        var request = new RegistryTokenRequest
        {
            Realm = fields.GetValueOrDefault("realm", ""),
            Service = fields.GetValueOrDefault("service", ""),
            Scopes = [$"repository:{repository}:pull,push"],
        };
        return new AuthenticationHeaderValue("Bearer", (await new TokenExchange(http, clock).FetchAsync(request, credential, cancellation)).Value);
    }

    /// <summary>The status, and what the registry says about it (<c>{"errors":[{"code","message"}]}</c>).</summary>
    private static async Task<string> ReasonAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        var status = $"unexpected status {(int)response.StatusCode} {response.ReasonPhrase}";
        try
        {
            using var document = await JsonDocument.ParseAsync(await response.Content.ReadAsStreamAsync(cancellation), cancellationToken: cancellation);
            var messages = document.RootElement.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("message").GetString());
            return $"{status}: {string.Join("; ", messages)}";
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return status;
        }
    }

    private static bool IsLoopback(string host)
    {
        var name = host.StartsWith('[') ? host[1..Math.Max(1, host.IndexOf(']', StringComparison.Ordinal))] : host.Split(':')[0];
        return name == "localhost" || (IPAddress.TryParse(name, out var address) && IPAddress.IsLoopback(address));
    }
}
